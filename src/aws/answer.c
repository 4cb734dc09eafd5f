/*
 * answer.c - what AWS said when it said no.
 *
 * JSON services put the code into `__type` ("com.amazon.coral.validate#ValidationException") or a
 * header ("ValidationException:http://..."), Query services into <Error><Code>.  A load balancer or
 * proxy in between says something else altogether; then only the status counts.
 */
#include "answer.h"

#include "aws/xml.h"
#include "base/json_check.h"
#include "base/memory.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

enum { CLOCK_OFF_MS = 2 * 60 * 1000 }; /* AWS accepts five minutes; nobody keeps two by accident */
enum { REFUSAL_VALUES_MAX = 1000 };    /* it has a handful */

static const struct {
    const char *code;
    bool renewable;
    bool clock; /* a clock that is off would explain it */
} credential_codes[] = {
    {"AuthFailure", false, true},
    {"ExpiredToken", true, false},
    {"ExpiredTokenException", true, false},
    {"IncompleteSignature", false, false},
    {"IncompleteSignatureException", false, false},
    {"InvalidClientTokenId", true, false},
    {"InvalidSignatureException", false, true},
    {"MissingAuthenticationToken", false, false},
    {"MissingAuthenticationTokenException", false, false},
    {"RequestExpired", false, true},
    {"RequestTimeTooSkewed", false, true},
    {"SignatureDoesNotMatch", false, true},
    {"UnrecognizedClientException", true, false},
};

/* As it stands in the answer, secrets and all. */
struct said {
    char code[64];
    char message[16 * 1024];
};

/* "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound", "Name:http://...": the name. */
static void copy_code(const char *text, char *code, size_t size)
{
    size_t length = strcspn(text, ":");
    const char *hash = memrchr(text, '#', length);
    const char *start = hash != NULL ? hash + 1 : text;

    length -= (size_t)(start - text);
    snprintf(code, size, "%.*s", (int)(length < size ? length : size - 1), start);
}

static const char *text_member(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(member) ? member->valuestring : NULL;
}

static void read_json(const struct buffer *body, struct said *said)
{
    struct error ignored; /* no JSON: the status counts */
    cJSON *object;
    const char *found;

    if (json_check(body->bytes, body->length, JSON_DEPTH_MAX, &ignored) < 0 ||
        json_values(body->bytes, body->length) > REFUSAL_VALUES_MAX)
        return;
    object = cJSON_ParseWithLength(body->bytes, body->length);
    found = text_member(object, "__type");
    if (found == NULL)
        found = text_member(object, "code");
    if (found != NULL)
        copy_code(found, said->code, sizeof(said->code));
    found = text_member(object, "message");
    if (found == NULL)
        found = text_member(object, "Message");
    if (found != NULL)
        (void)text_copy(said->message, sizeof(said->message), found);
    cJSON_Delete(object);
}

/* Two readings: a message that is too long must not cost us the code. */
static void read_xml(const struct buffer *body, struct said *said)
{
    const struct xml_want code_wanted = {"Error/Code", said->code, sizeof(said->code)};
    const struct xml_want message_wanted = {"Error/Message", said->message, sizeof(said->message)};
    struct error ignored; /* no XML: the status counts */

    (void)xml_read(body->bytes, body->length, &code_wanted, 1, &ignored);
    (void)xml_read(body->bytes, body->length, &message_wanted, 1, &ignored);
}

/* Its beginning is enough: the text may end in the middle of it.  A short one is no real secret but an
 * emulator's "test", which stands in many a text. */
static bool holds_secret(const char *message, const char *secret)
{
    char beginning[25];

    if (secret == NULL || strlen(secret) < 16)
        return false;
    snprintf(beginning, sizeof(beginning), "%s", secret);
    return strstr(message, beginning) != NULL;
}

/* AWS explains a wrong signature by showing the canonical request, session token and all. */
static void remove_secrets(char *message, const struct credentials *credentials)
{
    char *canonical = strstr(message, "The Canonical String");

    if (canonical != NULL)
        *canonical = '\0';
    if (strcasestr(message, "security-token:") != NULL ||
        holds_secret(message, credentials->secret_access_key) ||
        holds_secret(message, credentials->session_token))
        message[0] = '\0';
}

/* One line of whole characters, without the full stop. */
static void tidy(char *message)
{
    size_t length = strlen(message);
    char *start;

    while (length > 0 && !text_is_utf8(message, length))
        length--;
    message[length] = '\0';
    for (char *c = message; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    }
    start = text_trim(message);
    memmove(message, start, strlen(start) + 1);
    length = strlen(message);
    if (length > 0 && message[length - 1] == '.')
        message[length - 1] = '\0';
}

/* "the clock of this machine is 423 s behind AWS's: ", or "". */
static void explain_clock(const struct aws_answer *answer, int64_t now_ms, char *text, size_t size)
{
    int64_t off_ms = now_ms - answer->date_ms;

    text[0] = '\0';
    if (answer->date_ms > 0 && (off_ms > CLOCK_OFF_MS || off_ms < -CLOCK_OFF_MS))
        snprintf(text, size, "the clock of this machine is %" PRId64 " s %s AWS's: ",
                 (off_ms < 0 ? -off_ms : off_ms) / 1000, off_ms < 0 ? "behind" : "ahead of");
}

/* "message (code, request id)"; the code alone when AWS gave no message. */
static void describe(const struct aws_answer *answer, const char *clock, struct refusal *refusal)
{
    char request[64] = "";

    if (answer->request_id[0] != '\0')
        snprintf(request, sizeof(request), ", request %.40s", answer->request_id);
    if (refusal->code[0] == '\0')
        snprintf(refusal->text, sizeof(refusal->text), "HTTP %d without an error code of AWS",
                 answer->status);
    else if (refusal->message[0] == '\0')
        snprintf(refusal->text, sizeof(refusal->text), "%s%s%s", clock, refusal->code, request);
    else
        snprintf(refusal->text, sizeof(refusal->text), "%s%s (%s%s)", clock, refusal->message, refusal->code,
                 request);
}

void answer_refusal(const struct aws_answer *answer, const struct credentials *credentials, int64_t now_ms,
                    struct refusal *ret_refusal)
{
    struct refusal refusal = {0};
    struct said said = {0};
    char clock[96] = "";

    if (answer->body.length > 0 && answer->body.bytes[0] == '<')
        read_xml(&answer->body, &said);
    else if (answer->body.length > 0)
        read_json(&answer->body, &said);
    if (said.code[0] == '\0')
        copy_code(answer->error_type, said.code, sizeof(said.code));
    remove_secrets(said.message, credentials);
    (void)text_copy(refusal.code, sizeof(refusal.code), said.code);
    (void)text_copy(refusal.message, sizeof(refusal.message), said.message);
    wipe(&said, sizeof(said));
    tidy(refusal.code);
    tidy(refusal.message);

    for (size_t i = 0; i < COUNT_OF(credential_codes); i++) {
        if (strcmp(credential_codes[i].code, refusal.code) != 0)
            continue;
        refusal.credentials = true;
        refusal.renewable = credential_codes[i].renewable;
        if (credential_codes[i].clock)
            explain_clock(answer, now_ms, clock, sizeof(clock));
    }
    describe(answer, clock, &refusal);
    *ret_refusal = refusal;
}
