/*
 * xml.h - values out of the small XML answers of AWS's Query services.
 *
 * expat; a document type declaration is refused at its first byte, so no entity
 * is ever expanded; depth at most 32, ceiling on the text kept.
 */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* One value: `path` is "ConfirmSubscriptionResult/SubscriptionArn", matched against the end of the
 * element's path without namespaces. */
struct xml_want {
    const char *path;
    char *value; /* filled with the first match, always ended; "" when absent */
    size_t size; /* a longer value is ERROR_INPUT */
    bool cut;    /* ...but is cut instead, between two characters: for texts that people read */
};
int xml_read(const char *text, size_t length, const struct xml_want *wants, size_t count, struct error *err);

/*
 * The items of a list: for each element whose path ends with `element` ("Parameters/member") the wants are filled
 * anew, from what is inside of it alone, and taken at its end.  An element inside of itself is part of the outer one.
 */
struct xml_rows {
    const char *element;
    const struct xml_want *wants;
    size_t count;
    /* -1 with *err ends the reading.  What was taken before an answer turns out to be malformed was taken. */
    int (*take)(void *context, struct error *err);
    void *context;
};
/* `wants` are those outside of rows. */
int xml_read_rows(const char *text, size_t length, const struct xml_want *wants, size_t count,
                  const struct xml_rows *rows, size_t row_count, struct error *err);

#endif
