/*
 * sts.h - temporary credentials (Query, XML answers).
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/client.h"
#include "aws/transport.h"

struct sts_role {
    const char *role_arn;
    const char *session_name;
    const char *external_id; /* NULL when none */
    int64_t duration_s;      /* 0: AWS's default */
};

/* `endpoint` as aws_endpoint() gives it.  One try each; the provider above decides what a failure means. */
int sts_assume_role(struct transport *transport, const char *endpoint, const char *region,
                    const struct credentials *with, const struct sts_role *role,
                    struct credentials *ret_credentials, struct error *err);
/* Not signed. */
int sts_assume_role_with_web_identity(struct transport *transport, const char *endpoint,
                                      const struct sts_role *role, const char *token,
                                      struct credentials *ret_credentials, struct error *err);

/* The account whose keys these are, 12 digits.  Takes no right. */
enum { ACCOUNT_SIZE = 13 };
int sts_caller_account(struct aws_client *client, char ret_account[ACCOUNT_SIZE], struct error *err);

#endif
