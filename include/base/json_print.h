/*
 * json_print.h - JSON as text, on one line.
 *
 * The counterpart of json_check().  The JSON library prints each number twice and reads it back in between; here a
 * number is the shortest text that reads back as the same double, and a whole one costs no more than its digits.
 */
#ifndef BASE_JSON_PRINT_H
#define BASE_JSON_PRINT_H

#include "base/buffer.h"

struct cJSON;

/* Adds it to the buffer; numbers that are not finite become null.  Fails as buffer_add() does, and leaves a part. */
int json_print_to(const struct cJSON *json, struct buffer *buffer, struct error *err);
/* The caller frees. */
char *json_print(const struct cJSON *json);

/* Adds `text`, which is UTF-8, quoted and escaped. */
int json_print_text(const char *text, struct buffer *buffer, struct error *err);

#endif
