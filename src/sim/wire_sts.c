/*
 * wire_sts.c - STS: credentials for a while.
 *
 * Every role of every account may be assumed; what is checked is how it is asked for, and later
 * that the key, the secret and the token belong together and have not expired.
 */
#include "wire.h"

#include "base/text.h"

#include <string.h>

enum { DURATION_S = 3600, ROLE_NAME_MAX = 64 };

static void random_letters(struct sim *sim, const char *prefix, char *text, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t length = (size_t)snprintf(text, size, "%s", prefix);

    for (; length + 1 < size; length++)
        text[length] = letters[model_random(sim) % (sizeof(letters) - 1)];
    text[length] = '\0';
}

/* "arn:aws:iam::123456789012:role/path/NAME": the account and the name, or false. */
static bool parse_role(const char *arn, char account[13], char name[ROLE_NAME_MAX + 1])
{
    const char *slash = strrchr(arn, '/');
    const char *start = strstr(arn, ":iam::");

    if (!text_starts_with(arn, "arn:aws") || start == NULL || slash == NULL)
        return false;
    start += strlen(":iam::");
    if (strspn(start, "0123456789") != 12 || !text_starts_with(start + 12, ":role/"))
        return false;
    memcpy(account, start, 12);
    account[12] = '\0';
    return slash[1] != '\0' && text_copy(name, ROLE_NAME_MAX + 1, slash + 1);
}

/* The oldest session makes room. */
static struct session *add_session(struct call *call, const char *account, const char *role, const char *name)
{
    struct session *session = &call->wire->sessions[call->wire->session_count++ % SESSIONS_MAX];
    char id[22];

    memset(session, 0, sizeof(*session));
    random_letters(call->sim, "ASIA", session->access_key_id, 21);
    random_letters(call->sim, "", session->secret_access_key, 41);
    random_letters(call->sim, "IQoJ", session->token, sizeof(session->token));
    random_letters(call->sim, "AROA", id, sizeof(id));
    snprintf(session->user_id, sizeof(session->user_id), "%s:%s", id, name);
    snprintf(session->arn, sizeof(session->arn), "arn:aws:sts::%s:assumed-role/%s/%s", account, role, name);
    session->expires_ms =
        call->sim->now_ms + 1000 * input_integer(call->input, "DurationSeconds", DURATION_S);
    return session;
}

static int assume(struct call *call, struct fault *fault)
{
    const char *arn = input_text(call->input, "RoleArn");
    char account[13], role[ROLE_NAME_MAX + 1];
    const struct session *session;
    cJSON *credentials, *user;

    if (!parse_role(arn, account, role))
        return model_fault(fault, "ValidationException", 400, "%.512s is invalid", arn);
    session = add_session(call, account, role, input_text(call->input, "RoleSessionName"));
    credentials = answer_structure(wire_output(call), "Credentials");
    answer_text(credentials, "AccessKeyId", session->access_key_id);
    answer_text(credentials, "SecretAccessKey", session->secret_access_key);
    answer_text(credentials, "SessionToken", session->token);
    answer_time(call, credentials, "Expiration", session->expires_ms);
    user = answer_structure(call->output, "AssumedRoleUser");
    answer_text(user, "AssumedRoleId", session->user_id);
    answer_text(user, "Arn", session->arn);
    return 0;
}

/* Three parts of base64url: nobody's signature is checked here. */
static bool is_jwt(const char *token)
{
    int dots = 0;

    for (const char *c = token; *c != '\0'; c++) {
        if (*c != '.')
            continue;
        if (c == token || c[1] == '.' || c[1] == '\0')
            return false;
        dots++;
    }
    return dots == 2 && strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.=") ==
                            strlen(token);
}

static int assume_with_web_identity(struct call *call, struct fault *fault)
{
    if (!is_jwt(input_text(call->input, "WebIdentityToken")))
        return model_fault(
            fault, "InvalidIdentityToken", 400,
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access "
            "Token)");
    return assume(call, fault);
}

static int get_caller_identity(struct call *call, struct fault *fault)
{
    char arn[64];

    (void)fault; /* whoever has a key has an identity */
    snprintf(arn, sizeof(arn), "arn:aws:iam::%.12s:user/kinescale", call->sim->account);
    answer_text(wire_output(call), "Arn", call->session == NULL ? arn : call->session->arn);
    answer_text(call->output, "UserId",
                call->session == NULL ? "AIDAKINESCALESIM00001" : call->session->user_id);
    answer_text(call->output, "Account", call->sim->account);
    return 0;
}

const struct operation wire_sts_operations[] = {
    {SERVICE_STS, "AssumeRole", &shape_sts_assume_role, STREAM_NONE, false, assume},
    {SERVICE_STS, "AssumeRoleWithWebIdentity", &shape_sts_assume_role_with_web_identity, STREAM_NONE, true,
     assume_with_web_identity},
    {SERVICE_STS, "GetCallerIdentity", &shape_no_members, STREAM_NONE, false, get_caller_identity},
    {0},
};
