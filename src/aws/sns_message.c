/*
 * sns_message.c - the checks that a body from anybody must pass before it is a message of our topic.
 *
 * They stand in a table, cheapest first; nothing goes to the network before all that can be said from the
 * body alone has been said.  The signature covers values joined by line ends, so no value but Message may
 * hold one: each is held to its own pattern, and no other message can be read from the same signed text.
 */
#include "aws/sns_message.h"

#include "sns_certificate.h"
#include "untrusted.h"

#include "aws/endpoint.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/text.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>

enum {
    JSON_DEPTH = 8, /* MessageAttributes need 3 */
    JSON_VALUES = 4096,
    JSON_MEMBERS = 64,    /* SNS sends at most 11 */
    SIGNATURE_MAX = 1024, /* bytes: an RSA key of 8192 bits */
    TOKEN_MAX = 2048,
    URL_MAX = 8192,
    CERTIFICATE_URL_MAX = 512,
    QUOTE_SIZE = 41,
};

struct sns_verifier {
    struct sns_verifier_options options;
    pthread_mutex_t topics_mutex;
    struct names topics;
    struct sns_certificates *certificates;
};

/* A body on its way through the checks. */
struct candidate {
    struct sns_verifier *verifier;
    const char *header_type;
    bool raw;
    const cJSON *object;
    enum sns_type type;
    int64_t timestamp_ms;
    const EVP_MD *digest;
    unsigned char signature[SIGNATURE_MAX];
    size_t signature_length;
    char region[64];
    bool overridden;
    bool *ret_unknown; /* NULL: the network may be waited for */
};

/* Which values are signed, and in which order. */
static const char *const notification_keys[] = {"Message",  "MessageId", "Subject", "Timestamp",
                                                "TopicArn", "Type",      NULL};
static const char *const confirmation_keys[] = {"Message", "MessageId", "SubscribeURL", "Timestamp",
                                                "Token",   "TopicArn",  "Type",         NULL};

static const struct {
    const char *name;
    const char *const *keys;
} types[] = {
    [SNS_SUBSCRIPTION_CONFIRMATION] = {"SubscriptionConfirmation", confirmation_keys},
    [SNS_NOTIFICATION] = {"Notification", notification_keys},
    [SNS_UNSUBSCRIBE_CONFIRMATION] = {"UnsubscribeConfirmation", confirmation_keys},
};

const char *sns_type_name(enum sns_type type)
{
    return types[type].name;
}

static const char *member(const struct candidate *candidate, const char *name)
{
    return untrusted_member(candidate->object, name);
}

static bool is_present(const struct candidate *candidate, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(candidate->object, name) != NULL;
}

/* "what: 'as much of it as is fit to be shown'" */
static int refuse_value(struct error *err, const char *what, const char *value)
{
    char quoted[QUOTE_SIZE];

    untrusted_quote(value, quoted, sizeof(quoted));
    return error_set(err, ERROR_INPUT, "%s: '%s'", what, quoted);
}

/* ---- what the headers say */

static int check_headers(struct candidate *candidate, struct error *err)
{
    if (candidate->raw)
        return error_set(err, ERROR_INPUT, "raw delivery: nothing in it is signed");
    if (candidate->header_type == NULL)
        return error_set(err, ERROR_INPUT, "no x-amz-sns-message-type header");
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, candidate->header_type) == 0) {
            candidate->type = (enum sns_type)i;
            return 0;
        }
    }
    return refuse_value(err, "unknown x-amz-sns-message-type header", candidate->header_type);
}

/* ---- what the body says of itself */

static int check_members(struct candidate *candidate, struct error *err)
{
    static const char *const always[] = {"Type",      "MessageId",        "TopicArn",  "Message",
                                         "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"};

    for (size_t i = 0; i < COUNT_OF(always); i++) {
        if (member(candidate, always[i]) == NULL)
            return error_set(err, ERROR_INPUT, "'%s' is missing or no text", always[i]);
    }
    for (const char *const *key = types[candidate->type].keys; *key != NULL; key++) {
        bool optional = strcmp(*key, "Subject") == 0;

        if (member(candidate, *key) == NULL && (!optional || is_present(candidate, *key)))
            return error_set(err, ERROR_INPUT, "'%s' is missing or no text", *key);
    }
    return 0;
}

static int check_type(struct candidate *candidate, struct error *err)
{
    const char *type = member(candidate, "Type");

    if (strcmp(type, types[candidate->type].name) != 0)
        return refuse_value(err, "'Type' is not what the x-amz-sns-message-type header says", type);
    return 0;
}

static bool has_controls(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

static int check_patterns(struct candidate *candidate, struct error *err)
{
    size_t id_max = sizeof(((struct sns_message *)NULL)->message_id) - 1;
    const char *subject = member(candidate, "Subject");
    const char *token = member(candidate, "Token");
    const char *subscribe_url = member(candidate, "SubscribeURL");

    if (!untrusted_is_plain(member(candidate, "MessageId"), id_max, "-_"))
        return refuse_value(err, "'MessageId' is no message id", member(candidate, "MessageId"));
    if (subject != NULL && has_controls(subject))
        return error_set(err, ERROR_INPUT, "'Subject' has control characters");
    if (candidate->type == SNS_NOTIFICATION)
        return 0;
    if (!untrusted_is_plain(token, TOKEN_MAX, "-_.~+/="))
        return error_set(err, ERROR_INPUT, "'Token' is no token");
    if (strlen(subscribe_url) > URL_MAX || has_controls(subscribe_url))
        return error_set(err, ERROR_INPUT, "'SubscribeURL' is no address");
    return 0;
}

static bool is_obeyed(struct sns_verifier *verifier, const char *topic)
{
    bool found = false;

    pthread_mutex_lock(&verifier->topics_mutex);
    for (size_t i = 0; i < verifier->topics.count && !found; i++)
        found = strcmp(verifier->topics.items[i], topic) == 0;
    pthread_mutex_unlock(&verifier->topics_mutex);
    return found;
}

static int check_topic(struct candidate *candidate, struct error *err)
{
    const char *topic = member(candidate, "TopicArn");
    struct arn arn;

    if (!is_obeyed(candidate->verifier, topic))
        return refuse_value(err, "'TopicArn' is not on the list of topics to obey", topic);
    if (strlen(topic) >= sizeof(((struct sns_message *)NULL)->topic_arn))
        return error_set(err, ERROR_INPUT, "'TopicArn' is too long");
    if (arn_parse(topic, &arn, err) < 0)
        return error_wrap(err, "'TopicArn'");
    return text_copy(candidate->region, sizeof(candidate->region), arn.region)
               ? 0
               : error_set(err, ERROR_INPUT, "'TopicArn' has no region");
}

static int check_timestamp(struct candidate *candidate, struct error *err)
{
    const char *text = member(candidate, "Timestamp");
    int64_t age_ms;

    if (strlen(text) >= DATE_SIZE || !date_parse(text, &candidate->timestamp_ms))
        return refuse_value(err, "'Timestamp' is no time", text);
    age_ms = clock_now_ms(candidate->verifier->options.clock) - candidate->timestamp_ms;
    if (age_ms > SNS_AGE_MAX_MS && !candidate->verifier->options.kept)
        return refuse_value(err, "'Timestamp' is more than an hour ago", text);
    if (age_ms < -SNS_AGE_MAX_MS)
        return refuse_value(err, "'Timestamp' is more than an hour ahead", text);
    return 0;
}

/* ---- the signature */

static int check_version(struct candidate *candidate, struct error *err)
{
    const char *version = member(candidate, "SignatureVersion");

    if (strcmp(version, "1") == 0)
        candidate->digest = EVP_sha1();
    else if (strcmp(version, "2") == 0)
        candidate->digest = EVP_sha256();
    else
        return refuse_value(err, "'SignatureVersion' is neither 1 nor 2", version);
    return 0;
}

/* Standard base64 with its padding, nothing before, between or behind. */
static int read_signature(struct candidate *candidate, struct error *err)
{
    const char *text = member(candidate, "Signature");
    size_t length = strlen(text);
    size_t padding = 0;
    int bytes;

    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    if (length == 0 || length % 4 != 0 || length / 4 * 3 > SIGNATURE_MAX ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != length - padding)
        return error_set(err, ERROR_INPUT, "'Signature' is not base64 of 1 to %d bytes", SIGNATURE_MAX);
    bytes = EVP_DecodeBlock(candidate->signature, (const unsigned char *)text, (int)length);
    if (bytes < 0)
        return error_set(err, ERROR_INPUT, "'Signature' is not base64");
    candidate->signature_length = (size_t)bytes - padding;
    return 0;
}

/*
 * "https://sns.eu-west-1.amazonaws.com" + "/" + one name that ends in ".pem".  What follows the endpoint
 * begins with '/' and has no other character with a meaning in a URL, so there is room neither for a longer
 * host, a port or userinfo, nor for a query or a fragment.
 */
static int check_certificate_url(struct candidate *candidate, struct error *err)
{
    const char *url = member(candidate, "SigningCertURL");
    char endpoint[ENDPOINT_SIZE];
    const char *name;

    if (aws_endpoint(AWS_SNS, candidate->region, candidate->verifier->options.getenv, endpoint,
                     &candidate->overridden, err) < 0)
        return error_wrap(err, "the SNS endpoint of '%s'", candidate->region);
    if (strlen(url) > CERTIFICATE_URL_MAX || !text_starts_with(url, endpoint) || url[strlen(endpoint)] != '/')
        return refuse_value(err, "'SigningCertURL' is not on the SNS endpoint of the topic's region", url);
    name = url + strlen(endpoint) + 1;
    if (!untrusted_is_plain(name, CERTIFICATE_URL_MAX, "-_.") || *name == '.' ||
        !text_ends_with(name, ".pem"))
        return refuse_value(err, "'SigningCertURL' does not end in one '.pem' name", url);
    return 0;
}

/* "Key\nValue\n" of each. */
static bool add_signed_text(EVP_MD_CTX *digest, const struct candidate *candidate)
{
    for (const char *const *key = types[candidate->type].keys; *key != NULL; key++) {
        const char *value = member(candidate, *key);

        if (value == NULL) /* a Subject that is not there */
            continue;
        if (EVP_DigestVerifyUpdate(digest, *key, strlen(*key)) != 1 ||
            EVP_DigestVerifyUpdate(digest, "\n", 1) != 1 ||
            EVP_DigestVerifyUpdate(digest, value, strlen(value)) != 1 ||
            EVP_DigestVerifyUpdate(digest, "\n", 1) != 1)
            return false;
    }
    return true;
}

static int check_signature(struct candidate *candidate, struct error *err)
{
    struct sns_certificates *certificates = candidate->verifier->certificates;
    const char *url = member(candidate, "SigningCertURL");
    EVP_PKEY *key = NULL;
    EVP_MD_CTX *digest;
    bool genuine;

    if (sns_certificates_key(certificates, url, candidate->region, candidate->overridden,
                             candidate->ret_unknown, &key, err) < 0)
        return -1;
    digest = EVP_MD_CTX_new();
    genuine = digest != NULL && EVP_DigestVerifyInit(digest, NULL, candidate->digest, NULL, key) == 1 &&
              add_signed_text(digest, candidate) &&
              EVP_DigestVerifyFinal(digest, candidate->signature, candidate->signature_length) == 1;
    EVP_MD_CTX_free(digest);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!genuine)
        return error_set(err, ERROR_INPUT, "the signature does not match");
    sns_certificates_prove(certificates, url);
    return 0;
}

/* ---- all of them */

typedef int(check_fn)(struct candidate *candidate, struct error *err);
static check_fn *const checks[] = {
    check_members, check_type,     check_patterns,        check_topic,     check_timestamp,
    check_version, read_signature, check_certificate_url, check_signature,
};

static int verify(struct candidate *candidate, const char *body, size_t length,
                  struct sns_message *ret_message, struct error *err)
{
    static const struct untrusted_limits limits = {
        .bytes = SNS_BODY_MAX, .depth = JSON_DEPTH, .values = JSON_VALUES, .members = JSON_MEMBERS};
    SCOPED(untrusted_release) cJSON *object = NULL;
    struct sns_message message = {0};

    if (length > SNS_BODY_MAX)
        return error_set(err, ERROR_INPUT, "a body of more than %d bytes", SNS_BODY_MAX);
    if (check_headers(candidate, err) < 0)
        return -1;
    if (untrusted_json(body, length, &limits, &object, err) < 0)
        return error_wrap(err, "the body");
    candidate->object = object;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (checks[i](candidate, err) < 0)
            return -1;
    }

    message.type = candidate->type;
    message.timestamp_ms = candidate->timestamp_ms;
    (void)text_copy(message.message_id, sizeof(message.message_id), member(candidate, "MessageId"));
    (void)text_copy(message.topic_arn, sizeof(message.topic_arn), member(candidate, "TopicArn"));
    message.message = must_strdup(member(candidate, "Message"));
    if (message.type != SNS_NOTIFICATION)
        message.token = must_strdup(member(candidate, "Token"));
    *ret_message = message;
    return 0;
}

int sns_verify(struct sns_verifier *verifier, const char *body, size_t length, const char *header_type,
               bool raw, bool *ret_unknown, struct sns_message *ret_message, struct error *err)
{
    struct candidate candidate = {
        .verifier = verifier, .header_type = header_type, .raw = raw, .ret_unknown = ret_unknown};

    if (verify(&candidate, body, length, ret_message, err) < 0)
        return error_wrap(err, "SNS message refused");
    return 0;
}

static const char *system_getenv(const char *name)
{
    return getenv(name);
}

struct sns_verifier *sns_verifier_new(const struct sns_verifier_options *options)
{
    struct sns_verifier *verifier = must_calloc(1, sizeof(*verifier));

    verifier->options = *options;
    if (verifier->options.getenv == NULL)
        verifier->options.getenv = system_getenv;
    verifier->certificates = sns_certificates_new(options->transport, options->clock);
    pthread_mutex_init(&verifier->topics_mutex, NULL);
    sns_verifier_obey(verifier, options->topic_arns, options->topic_count);
    return verifier;
}

void sns_verifier_obey(struct sns_verifier *verifier, const char *const *topic_arns, size_t count)
{
    pthread_mutex_lock(&verifier->topics_mutex);
    names_clear(&verifier->topics);
    for (size_t i = 0; i < count; i++)
        names_add(&verifier->topics, topic_arns[i]);
    pthread_mutex_unlock(&verifier->topics_mutex);
}

void sns_verifier_free(struct sns_verifier *verifier)
{
    if (verifier == NULL)
        return;
    sns_certificates_free(verifier->certificates);
    names_clear(&verifier->topics);
    pthread_mutex_destroy(&verifier->topics_mutex);
    free(verifier);
}

uint64_t sns_verifier_certificate_fetches(struct sns_verifier *verifier)
{
    return sns_certificates_fetches(verifier->certificates);
}

void sns_message_clear(struct sns_message *message)
{
    free(message->message);
    free(message->token);
    *message = (struct sns_message){0};
}
