/*
 * caller.c - whose keys these are: the one call of STS that is made as any other is.
 */
#include "aws/sts.h"

#include "base/text.h"
#include "call.h"

int sts_caller_account(struct aws_client *client, char ret_account[ACCOUNT_SIZE], struct error *err)
{
    struct aws_call call = {.service = AWS_STS, .operation = "GetCallerIdentity", .subject = ""};
    char account[64];
    const struct xml_want want = {"GetCallerIdentityResult/Account", account, sizeof(account)};

    if (aws_call_query(client, &call, "2011-06-15", "", &want, 1, err) < 0)
        return -1;
    if (strlen(account) != ACCOUNT_SIZE - 1 || account[strspn(account, "0123456789")] != '\0') {
        (void)error_set(err, ERROR_INPUT, "the answer has no 'Account' of 12 digits");
        return aws_call_wrap(&call, err);
    }
    (void)text_copy(ret_account, ACCOUNT_SIZE, account);
    return 0;
}
