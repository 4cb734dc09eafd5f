/*
 * sns_letters.h - messages that SNS could not deliver, as an operator saved them from the SQS dead-letter queue of
 * the subscription.
 *
 * SNS puts the body that it would have posted into the queue as it is, signature included.  So what is read here is
 * as strange as any POST: sns_verify() says what is genuine.
 */
#ifndef AWS_SNS_LETTERS_H
#define AWS_SNS_LETTERS_H

#include "base/error.h"

#include <stddef.h>

enum { SNS_LETTERS_MAX = 16 * 1024 * 1024 };

struct sns_letters {
    char **bodies; /* what SNS would have posted, in the order of the file */
    size_t count;
};

/*
 * JSON objects one behind the other, each of them an answer of ReceiveMessage ("Messages"), a message of SQS
 * ("Body"), or a body itself ("Type").  Refused as a whole (ERROR_INPUT, with the number of the object) when one is
 * none of these or the text is longer than SNS_LETTERS_MAX bytes.
 */
int sns_letters_read(const char *text, size_t length, struct sns_letters *ret_letters, struct error *err);
void sns_letters_clear(struct sns_letters *letters); /* begins zeroed */

#endif
