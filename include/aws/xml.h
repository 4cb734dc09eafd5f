/*
 * xml.h - values out of the small XML answers of AWS's Query services.
 *
 * expat; a document type declaration is refused at its first byte, so no entity
 * is ever expanded; depth at most 32, ceiling on the text kept.
 */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "base/error.h"

#include <stddef.h>

/* One value: `path` is "ConfirmSubscriptionResult/SubscriptionArn", matched against the end of the
 * element's path without namespaces. */
struct xml_want {
    const char *path;
    char *value; /* filled with the first match, always ended; "" when absent */
    size_t size; /* a longer value is ERROR_INPUT */
};
int xml_read(const char *text, size_t length, const struct xml_want *wants, size_t count, struct error *err);

#endif
