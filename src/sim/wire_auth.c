/*
 * wire_auth.c - AWS Signature Version 4, the verifying side.
 *
 * Written against "Create a signed AWS API request" (IAM user guide), not against a client,
 * so that a client's mistakes show.  The date of a signature is the wall clock's, whatever
 * time the model has: clients sign with the machine's clock.
 */
#include "wire.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

enum {
    CLOCK_SKEW_MS = 15 * 60 * 1000,
    AUTHORIZATION_MAX = 4096,
    CANONICAL_MAX = 8 * 1024 * 1024,
    QUERY_PAIRS_MAX = 512,
    HEX_SIZE = 2 * SHA256_DIGEST_LENGTH + 1
};

/* The pieces of "AWS4-HMAC-SHA256 Credential=.../.../.../.../aws4_request, SignedHeaders=..., Signature=...". */
struct authorization {
    char text[AUTHORIZATION_MAX]; /* cut into the pieces */
    char *access_key_id, *date, *region, *service, *terminator;
    char *signed_headers, *signature;
    const char *time; /* X-Amz-Date or Date */
};

static void to_hex(const unsigned char *bytes, char hex[HEX_SIZE])
{
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static void sha256_hex(const void *bytes, size_t length, char hex[HEX_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256(bytes, length, digest);
    to_hex(digest, hex);
}

static void hmac(const void *key, size_t key_length, const char *text,
                 unsigned char digest[SHA256_DIGEST_LENGTH])
{
    if (HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, strlen(text), digest, NULL) ==
        NULL)
        abort();
}

/* ---- the Authorization header */

static bool take_credential(struct authorization *authorization, char *credential)
{
    authorization->access_key_id = text_split(&credential, '/');
    authorization->date = text_split(&credential, '/');
    authorization->region = text_split(&credential, '/');
    authorization->service = text_split(&credential, '/');
    authorization->terminator = text_split(&credential, '/');
    return authorization->access_key_id != NULL && authorization->date != NULL &&
           authorization->region != NULL && authorization->service != NULL &&
           authorization->terminator != NULL && credential == NULL;
}

/* Every part that is missing is named, as AWS does. */
static void name_missing(const struct authorization *authorization, const char *credential,
                         const char *header, struct wire_fault *fault)
{
    (void)wire_fault_set(
        fault, "IncompleteSignatureException", "%s%s%s%sAuthorization=%s",
        credential == NULL ? "Authorization header requires 'Credential' parameter. " : "",
        authorization->signature == NULL ? "Authorization header requires 'Signature' parameter. " : "",
        authorization->signed_headers == NULL ? "Authorization header requires 'SignedHeaders' parameter. "
                                              : "",
        authorization->time == NULL
            ? "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
            : "",
        header);
}

static bool parse_authorization(const struct sim_request *request, const char *header,
                                struct authorization *authorization, struct wire_fault *fault)
{
    static const char algorithm[] = "AWS4-HMAC-SHA256 ";
    char *cursor, *part, *credential = NULL;

    authorization->time = request->header(request, "X-Amz-Date");
    if (authorization->time == NULL)
        authorization->time = request->header(request, "Date");
    if (!text_starts_with(header, algorithm)) {
        (void)wire_fault_set(fault, "IncompleteSignatureException", "Unsupported AWS 'algorithm': '%.64s'.",
                             header);
        return false;
    }
    if (!text_copy(authorization->text, sizeof(authorization->text), header + strlen(algorithm))) {
        (void)wire_fault_set(fault, "IncompleteSignatureException", "Authorization header is too long.");
        return false;
    }
    for (cursor = authorization->text; (part = text_split(&cursor, ',')) != NULL;) {
        if (text_starts_with(part, "Credential="))
            credential = part + strlen("Credential=");
        else if (text_starts_with(part, "SignedHeaders="))
            authorization->signed_headers = part + strlen("SignedHeaders=");
        else if (text_starts_with(part, "Signature="))
            authorization->signature = part + strlen("Signature=");
    }
    if (credential == NULL || authorization->signature == NULL || authorization->signed_headers == NULL ||
        authorization->time == NULL) {
        name_missing(authorization, credential, header, fault);
        return false;
    }
    if (!take_credential(authorization, credential)) {
        (void)wire_fault_set(fault, "IncompleteSignatureException",
                             "Credential must have exactly 5 slash-delimited elements, e.g. "
                             "keyid/date/region/service/term, got '%.256s'",
                             strstr(header, "Credential=") + strlen("Credential="));
        return false;
    }
    return true;
}

/* ---- the canonical request */

static bool is_unreserved(unsigned char c)
{
    return isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static void add_encoded(struct buffer *text, const char *value, bool keep_slash)
{
    struct error err;

    for (; *value != '\0'; value++) {
        if (is_unreserved((unsigned char)*value) || (keep_slash && *value == '/'))
            (void)buffer_add(text, value, 1, &err);
        else
            (void)buffer_printf(text, &err, "%%%02X", (unsigned char)*value);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "b=2&a" -> "a=&b=2": decoded, encoded the one right way, sorted. */
static int add_query(struct buffer *canonical, const char *query, struct wire_fault *fault)
{
    SCOPED(free_text) char *copy = must_strdup(query == NULL ? "" : query);
    char *cursor = copy, *pair, *pairs[QUERY_PAIRS_MAX] = {0};
    size_t count = 0;
    struct error err;

    while ((pair = strsep(&cursor, "&")) != NULL) {
        struct buffer encoded;
        char *name = strsep(&pair, "=");

        if (name[0] == '\0' && pair == NULL)
            continue;
        if (count == QUERY_PAIRS_MAX) {
            while (count > 0)
                free(pairs[--count]);
            return wire_fault_set(fault, "IncompleteSignatureException", "Too many query parameters");
        }
        buffer_init(&encoded, CANONICAL_MAX);
        wire_url_decode(name, false);
        add_encoded(&encoded, name, false);
        (void)buffer_add_text(&encoded, "=", &err);
        if (pair != NULL) {
            wire_url_decode(pair, false);
            add_encoded(&encoded, pair, false);
        }
        pairs[count++] = buffer_take(&encoded);
    }
    qsort(pairs, count, sizeof(pairs[0]), compare_texts);
    for (size_t i = 0; i < count; i++) {
        (void)buffer_printf(canonical, &err, "%s%s", i == 0 ? "" : "&", pairs[i]);
        free(pairs[i]);
    }
    return buffer_add_text(canonical, "\n", &err);
}

/* Outer blanks go, inner runs become one. */
static void add_header_value(struct buffer *canonical, const char *value)
{
    struct error err;
    bool blank = false, begun = false;

    for (; *value != '\0'; value++) {
        if (*value == ' ' || *value == '\t') {
            blank = begun;
            continue;
        }
        if (blank)
            (void)buffer_add_text(canonical, " ", &err);
        (void)buffer_add(canonical, value, 1, &err);
        blank = false;
        begun = true;
    }
}

/* Also that the headers which must be signed are. */
static int add_headers(struct buffer *canonical, const struct sim_request *request,
                       const struct authorization *authorization, struct wire_fault *fault)
{
    static const char *const wanted[] = {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"};
    static const char *const shown[] = {"'Host' or ':authority'", "'X-Amz-Date'", "'X-Amz-Target'",
                                        "'X-Amz-Security-Token'"};
    SCOPED(free_text) char *copy = must_strdup(authorization->signed_headers);
    char *cursor = copy, *name;
    const char *previous = "";
    bool seen[COUNT_OF(wanted)] = {0};
    struct error err;

    while ((name = strsep(&cursor, ";")) != NULL) {
        const char *value = request->header(request, name);

        if (strcmp(name, previous) <= 0)
            return wire_fault_set(fault, "InvalidSignatureException",
                                  "SignedHeaders must be in lower case, sorted, each once, not '%.512s'",
                                  authorization->signed_headers);
        if (value == NULL)
            return wire_fault_set(fault, "InvalidSignatureException",
                                  "Header '%.128s' is among the SignedHeaders but was not sent", name);
        for (size_t i = 0; i < COUNT_OF(wanted); i++)
            seen[i] |= strcmp(name, wanted[i]) == 0;
        (void)buffer_printf(canonical, &err, "%s:", name);
        add_header_value(canonical, value);
        (void)buffer_add_text(canonical, "\n", &err);
        previous = name;
    }
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (!seen[i] && (i == 0 || request->header(request, wanted[i]) != NULL))
            return wire_fault_set(fault, "InvalidSignatureException",
                                  "%s must be a 'SignedHeader' in the AWS Authorization.", shown[i]);
    }
    return buffer_printf(canonical, &err, "\n%s\n", authorization->signed_headers);
}

static int canonical_request(struct buffer *canonical, const struct sim_request *request,
                             const struct authorization *authorization, struct wire_fault *fault)
{
    struct error err;
    char hash[HEX_SIZE];

    (void)buffer_printf(canonical, &err, "%s\n", request->method);
    add_encoded(canonical, request->path, true);
    (void)buffer_add_text(canonical, "\n", &err);
    if (add_query(canonical, request->query, fault) < 0 ||
        add_headers(canonical, request, authorization, fault) < 0)
        return -1;
    sha256_hex(request->body, request->body_length, hash);
    if (buffer_add_text(canonical, hash, &err) < 0)
        return wire_fault_set(fault, "IncompleteSignatureException", "The request is too large to be signed");
    return 0;
}

/* ---- the signature */

static void compute_signature(const struct authorization *authorization, const char *secret,
                              const char *to_sign, char signature[HEX_SIZE])
{
    unsigned char key[SHA256_DIGEST_LENGTH];
    char *start = must_printf("AWS4%s", secret);

    hmac(start, strlen(start), authorization->date, key);
    free_secret(start);
    hmac(key, sizeof(key), authorization->region, key);
    hmac(key, sizeof(key), authorization->service, key);
    hmac(key, sizeof(key), authorization->terminator, key);
    hmac(key, sizeof(key), to_sign, key);
    to_hex(key, signature);
}

static int check_signature(const struct sim_request *request, const struct authorization *authorization,
                           const char *secret, struct wire_fault *fault)
{
    SCOPED(buffer_clear) struct buffer canonical;
    SCOPED(free_text) char *to_sign = NULL;
    char hash[HEX_SIZE], signature[HEX_SIZE];

    buffer_init(&canonical, CANONICAL_MAX);
    if (canonical_request(&canonical, request, authorization, fault) < 0)
        return -1;
    sha256_hex(buffer_text(&canonical), canonical.length, hash);
    to_sign = must_printf("AWS4-HMAC-SHA256\n%s\n%s/%s/%s/%s\n%s", authorization->time, authorization->date,
                          authorization->region, authorization->service, authorization->terminator, hash);
    compute_signature(authorization, secret, to_sign, signature);
    if (strlen(authorization->signature) != strlen(signature) ||
        CRYPTO_memcmp(authorization->signature, signature, strlen(signature)) != 0)
        return wire_fault_set(
            fault, "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.\n\nThe Canonical String for this request should have been\n'%s'\n\n"
            "The String-to-Sign should have been\n'%s'\n",
            buffer_text(&canonical), to_sign);
    return 0;
}

/* ---- date, scope, key */

static int check_date(const struct authorization *authorization, struct wire_fault *fault)
{
    int64_t now_ms = clock_now_ms(clock_system()), signed_ms;
    char now[DATE_SIZE], bound[DATE_SIZE];

    if (strlen(authorization->time) != strlen("20260101T000000Z") ||
        !date_parse(authorization->time, &signed_ms))
        return wire_fault_set(fault, "IncompleteSignatureException",
                              "Date must be in ISO-8601 'basic format'. Got '%.64s'. See "
                              "http://en.wikipedia.org/wiki/ISO_8601",
                              authorization->time);
    if (strncmp(authorization->date, authorization->time, 8) != 0 || strlen(authorization->date) != 8)
        return wire_fault_set(
            fault, "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '%.32s' != '%.8s', from '%s'.",
            authorization->date, authorization->time, authorization->time);
    date_format_basic(now_ms, now);
    if (signed_ms < now_ms - CLOCK_SKEW_MS) {
        date_format_basic(now_ms - CLOCK_SKEW_MS, bound);
        return wire_fault_set(fault, "InvalidSignatureException",
                              "Signature expired: %s is now earlier than %s (%s - 15 min.)",
                              authorization->time, bound, now);
    }
    if (signed_ms > now_ms + CLOCK_SKEW_MS) {
        date_format_basic(now_ms + CLOCK_SKEW_MS, bound);
        return wire_fault_set(fault, "InvalidSignatureException",
                              "Signature not yet current: %s is still later than %s (%s + 15 min.)",
                              authorization->time, bound, now);
    }
    return 0;
}

static int check_scope(const struct call *call, const struct authorization *authorization,
                       struct wire_fault *fault)
{
    const char *service = wire_services[call->operation->service].signing;

    if (strcmp(authorization->region, call->sim->region) != 0)
        return wire_fault_set(fault, "InvalidSignatureException",
                              "Credential should be scoped to a valid region, not '%.64s'. ",
                              authorization->region);
    if (strcmp(authorization->service, service) != 0)
        return wire_fault_set(fault, "InvalidSignatureException",
                              "Credential should be scoped to correct service: '%s'. ", service);
    if (strcmp(authorization->terminator, "aws4_request") != 0)
        return wire_fault_set(
            fault, "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request', not '%.64s'. ",
            authorization->terminator);
    return 0;
}

static const struct session *find_session(const struct wire *wire, const char *access_key_id)
{
    for (size_t i = 0; i < wire->session_count && i < SESSIONS_MAX; i++) {
        if (strcmp(wire->sessions[i].access_key_id, access_key_id) == 0)
            return &wire->sessions[i];
    }
    return NULL;
}

/* The secret that belongs to the key; a session's key needs its token as well. */
static int find_secret(struct call *call, const struct sim_request *request,
                       const struct authorization *authorization, const char **ret_secret,
                       struct wire_fault *fault)
{
    const char *token = request->header(request, "X-Amz-Security-Token");
    const struct session *session = find_session(call->wire, authorization->access_key_id);

    if (session == NULL && token == NULL &&
        strcmp(authorization->access_key_id, call->sim->access_key_id) == 0) {
        *ret_secret = call->sim->secret_access_key;
        return 0;
    }
    if (session == NULL || !text_equal(token, session->token))
        return wire_fault_set(fault, "UnrecognizedClientException",
                              "The security token included in the request is invalid.");
    if (session->expires_ms <= call->sim->now_ms)
        return wire_fault_set(fault, "ExpiredTokenException",
                              "The security token included in the request is expired");
    call->session = session;
    *ret_secret = session->secret_access_key;
    return 0;
}

int wire_authorize(struct call *call, const struct sim_request *request, struct wire_fault *fault)
{
    const char *header = request->header(request, "Authorization");
    bool in_query = request->query != NULL && strstr(request->query, "X-Amz-Algorithm=") != NULL;
    struct authorization authorization = {0};
    const char *secret = NULL;

    if (header != NULL && in_query)
        return wire_fault_set(
            fault, "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
            "header.");
    if (header == NULL) {
        if (call->operation->anonymous && !in_query)
            return 0;
        return wire_fault_set(fault, "MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    if (!parse_authorization(request, header, &authorization, fault))
        return -1;
    if (call->sim->check_signatures &&
        (find_secret(call, request, &authorization, &secret, fault) < 0 ||
         check_scope(call, &authorization, fault) < 0 || check_date(&authorization, fault) < 0 ||
         check_signature(request, &authorization, secret, fault) < 0))
        return -1;
    call->is_signed = true;
    return 0;
}
