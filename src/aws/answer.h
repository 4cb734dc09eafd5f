/*
 * answer.h - what AWS said when it said no.  Pure.
 *
 * For the files of aws/ only.
 */
#ifndef AWS_ANSWER_H
#define AWS_ANSWER_H

#include "aws/transport.h"

struct refusal {
    char code[64];     /* "ResourceInUseException", "" when the answer has none */
    char message[384]; /* on one line, cut, without secrets; may be "" */
    char text[640];    /* for people: message, code and request id; says when our clock is off */
    bool credentials;  /* because of the keys or the signature, not of what they are allowed */
    bool renewable;    /* the keys have expired or are unknown */
};

/* Any answer that is not 2xx, JSON or XML or neither.  `credentials` are what it was signed with. */
void answer_refusal(const struct aws_answer *answer, const struct credentials *credentials, int64_t now_ms,
                    struct refusal *ret_refusal);

#endif
