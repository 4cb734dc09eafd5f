/*
 * untrusted.h - texts that strangers may have written.
 */
#ifndef AWS_UNTRUSTED_H
#define AWS_UNTRUSTED_H

#include "base/error.h"

#include <cjson/cJSON.h>
#include <stddef.h>

struct untrusted_limits {
    size_t bytes;
    int depth;
    size_t values;  /* about how many values in all: what the parser needs of memory */
    size_t members; /* of the outermost object */
};

/*
 * One JSON object.  Refused besides what json_check() refuses: more than the limits, \u0000 in a text
 * (C would end there), a key twice in the outermost object (who checks and who acts might take different
 * ones).  ERROR_INPUT; *ret_object is the caller's to cJSON_Delete().
 */
int untrusted_json(const char *text, size_t length, const struct untrusted_limits *limits, cJSON **ret_object,
                   struct error *err);
/* Case counts; NULL when it is absent or no text. */
const char *untrusted_member(const cJSON *object, const char *name);
/* For SCOPED(). */
void untrusted_release(cJSON **object);
/* As above, after overwriting every text in it. */
void untrusted_wipe(cJSON **object);

/* As much as fits of what a stranger wrote, for a message: quotes and all but printable ASCII become '?'. */
void untrusted_quote(const char *text, char *ret_text, size_t size);

/* Whole text of 1 to `longest` bytes, ASCII letters, digits and those in `others`. */
bool untrusted_is_plain(const char *text, size_t longest, const char *others);

#endif
