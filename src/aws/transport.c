/*
 * transport.c - what every transport shares: releasing answers and keys.
 */
#include "aws/transport.h"

#include "base/memory.h"

void aws_answer_clear(struct aws_answer *answer)
{
    buffer_wipe(&answer->body); /* metadata and STS answer with keys */
    *answer = (struct aws_answer){0};
}

void credentials_clear(struct credentials *credentials)
{
    free_secret(credentials->session_token);
    wipe(credentials, sizeof(*credentials));
}

void credentials_copy(struct credentials *target, const struct credentials *source)
{
    struct credentials copy = *source;

    copy.session_token = must_strdup(source->session_token);
    credentials_clear(target);
    *target = copy;
    wipe(&copy, sizeof(copy));
}
