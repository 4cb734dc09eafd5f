/*
 * sts.c - two calls of the Security Token Service, each one POST and one XML answer.
 *
 * They stand below the client of client.h, which needs their outcome to sign anything.
 */
#include "aws/sts.h"

#include "answer.h"
#include "credentials_source.h"
#include "untrusted.h"

#include "aws/retry.h"
#include "aws/xml.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

enum { FORM_MAX = 128 * 1024, STS_ANSWER_MAX = 256 * 1024, TOKEN_SIZE = 16 * 1024 + 1, STS_URL_MAX = 1024 };

/* ---- the question */

static int add_encoded(struct buffer *form, const char *text, struct error *err)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        char escaped[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        char plain[2] = {*text, '\0'};
        bool unreserved = untrusted_is_plain(plain, 1, "-_.~");

        if (buffer_add(form, unreserved ? plain : escaped, unreserved ? 1 : 3, err) < 0)
            return -1;
    }
    return 0;
}

/* A parameter without a value is left out. */
static int add_parameter(struct buffer *form, const char *name, const char *value, struct error *err)
{
    if (value == NULL)
        return 0;
    if (buffer_printf(form, err, "%s%s=", form->length > 0 ? "&" : "", name) < 0)
        return -1;
    return add_encoded(form, value, err);
}

static int add_role(struct buffer *form, const char *action, const struct sts_role *role, struct error *err)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%lld", (long long)role->duration_s);
    if (add_parameter(form, "Action", action, err) < 0 ||
        add_parameter(form, "Version", "2011-06-15", err) < 0 ||
        add_parameter(form, "RoleArn", role->role_arn, err) < 0 ||
        add_parameter(form, "RoleSessionName", role->session_name, err) < 0 ||
        add_parameter(form, "ExternalId", role->external_id, err) < 0)
        return -1;
    return add_parameter(form, "DurationSeconds", role->duration_s == 0 ? NULL : seconds, err);
}

/* ---- the answer */

/* AWS may show what it was sent: the keys it was signed with, or the token in it, whose place here is theirs. */
static int refusal(const char *action, const struct aws_answer *answer, const struct credentials *sent,
                   struct error *err)
{
    struct refusal refusal;

    answer_refusal(answer, sent, clock_now_ms(clock_system()), &refusal);
    return error_set(err, aws_error_kind(action, answer->status, refusal.code, refusal.message), "%s: %s",
                     action, refusal.text);
}

/* What is long enough not to live on the stack of every caller. */
struct sts_values {
    char access_key_id[129], secret[257], expiration[64], token[TOKEN_SIZE];
};

static void wipe_values(struct sts_values **values)
{
    wipe(*values, sizeof(**values));
    free(*values);
}

static int read_credentials(const char *action, const struct aws_answer *answer,
                            struct credentials *ret_credentials, struct error *err)
{
    SCOPED(wipe_values) struct sts_values *values = must_calloc(1, sizeof(*values));
    const struct xml_want wants[] = {
        {"Credentials/AccessKeyId", values->access_key_id, sizeof(values->access_key_id)},
        {"Credentials/SecretAccessKey", values->secret, sizeof(values->secret)},
        {"Credentials/SessionToken", values->token, sizeof(values->token)},
        {"Credentials/Expiration", values->expiration, sizeof(values->expiration)},
    };
    int64_t expires_ms;

    if (xml_read(buffer_text(&answer->body), answer->body.length, wants, COUNT_OF(wants), err) < 0) {
        err->kind = ERROR_TRANSIENT;
        return error_wrap(err, "%s: not the answer that was expected", action);
    }
    for (size_t i = 0; i < COUNT_OF(wants); i++) {
        if (*wants[i].value == '\0')
            return error_set(err, ERROR_TRANSIENT, "%s: the answer has no '%s'", action, wants[i].path);
    }
    if (!date_parse(values->expiration, &expires_ms))
        return error_set(err, ERROR_TRANSIENT, "%s: 'Expiration' is not a time", action);

    /* Keys that could not travel in a header are none either. */
    if (source_fill(ret_credentials, values->access_key_id, values->secret, values->token, expires_ms, err) <
        0) {
        err->kind = ERROR_TRANSIENT;
        return error_wrap(err, "%s: not the answer that was expected", action);
    }
    ret_credentials->source = "role";
    return 0;
}

static int ask(struct transport *transport, const char *endpoint, const char *action,
               struct aws_request *request, const struct buffer *form, const struct credentials *sent,
               struct credentials *ret_credentials, struct error *err)
{
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    char url[STS_URL_MAX];

    snprintf(url, sizeof(url), "%s/", endpoint);
    request->method = "POST";
    request->url = url;
    request->headers[0] =
        (struct aws_header){"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"};
    request->body = buffer_text(form);
    request->body_length = form->length;
    request->answer_ceiling = STS_ANSWER_MAX;
    if (transport->send(transport, request, &answer, err) < 0)
        return error_wrap(err, "%s", action);
    if (answer.status != 200)
        return refusal(action, &answer, sent, err);
    return read_credentials(action, &answer, ret_credentials, err);
}

int sts_assume_role(struct transport *transport, const char *endpoint, const char *region,
                    const struct credentials *with, const struct sts_role *role,
                    struct credentials *ret_credentials, struct error *err)
{
    SCOPED(buffer_wipe) struct buffer form;
    struct aws_request request = {.credentials = with, .signing_service = "sts", .signing_region = region};

    buffer_init(&form, FORM_MAX);
    if (add_role(&form, "AssumeRole", role, err) < 0)
        return -1;
    return ask(transport, endpoint, "AssumeRole", &request, &form, with, ret_credentials, err);
}

int sts_assume_role_with_web_identity(struct transport *transport, const char *endpoint,
                                      const struct sts_role *role, const char *token,
                                      struct credentials *ret_credentials, struct error *err)
{
    static const char action[] = "AssumeRoleWithWebIdentity";
    SCOPED(buffer_wipe) struct buffer form;
    const struct credentials sent = {.session_token = (char *)token};
    struct aws_request request = {0};

    buffer_init(&form, FORM_MAX);
    if (add_role(&form, action, role, err) < 0 || add_parameter(&form, "WebIdentityToken", token, err) < 0)
        return -1;
    return ask(transport, endpoint, action, &request, &form, &sent, ret_credentials, err);
}
