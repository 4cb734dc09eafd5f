#include "sns_support.h"

#include "support.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

/* Keys are made before the first test begins, where Check's own assertions cannot be used. */
static void must(bool held)
{
    if (!held)
        abort();
}

EVP_PKEY *make_rsa_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);

    must(key != NULL);
    return key;
}

EVP_PKEY *make_ec_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    must(key != NULL);
    return key;
}

static void add_alternative_name(X509 *certificate, const char *name)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);

    must(extension != NULL);
    must(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

char *make_certificate(EVP_PKEY *key, const struct made_certificate *wanted)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    BIO *text = BIO_new(BIO_s_mem());
    int length = wanted->common_name_length > 0 ? (int)wanted->common_name_length : -1;
    char *bytes, *copy;
    long count;

    must(X509_set_version(certificate, 2) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(wanted->from_ms / 1000));
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(wanted->to_ms / 1000));
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wanted->common_name,
                                    length, -1, 0) == 1);
    must(wanted->second_name == NULL ||
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wanted->second_name, -1,
                                    -1, 0) == 1);
    must(X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1);
    if (wanted->alternative_name != NULL)
        add_alternative_name(certificate, wanted->alternative_name);
    must(X509_sign(certificate, key, EVP_sha256()) > 0 && PEM_write_bio_X509(text, certificate) == 1);
    count = BIO_get_mem_data(text, &bytes);
    copy = must_strndup(bytes, (size_t)count);
    BIO_free(text);
    X509_free(certificate);
    return copy;
}

/* ---- messages */

struct signed_value {
    const char *key;
    const char *value;
};

static void add_values(struct buffer *text, const struct signed_value *values, size_t count)
{
    struct error err;

    for (size_t i = 0; i < count; i++) {
        if (values[i].value != NULL)
            must(buffer_printf(text, &err, "%s\n%s\n", values[i].key, values[i].value) == 0);
    }
}

static void signed_text(const struct made_message *wanted, struct buffer *text)
{
    const struct signed_value notification[] = {
        {"Message", wanted->message},     {"MessageId", wanted->id},   {"Subject", wanted->subject},
        {"Timestamp", wanted->timestamp}, {"TopicArn", wanted->topic}, {"Type", wanted->type},
    };
    const struct signed_value confirmation[] = {
        {"Message", wanted->message},     {"MessageId", wanted->id}, {"SubscribeURL", wanted->subscribe_url},
        {"Timestamp", wanted->timestamp}, {"Token", wanted->token},  {"TopicArn", wanted->topic},
        {"Type", wanted->type},
    };

    if (wanted->type != NULL && strcmp(wanted->type, "Notification") == 0)
        add_values(text, notification, COUNT_OF(notification));
    else
        add_values(text, confirmation, COUNT_OF(confirmation));
}

static char *sign(EVP_PKEY *key, const EVP_MD *digest, const struct buffer *text)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t length = sizeof(signature);
    char *base64 = must_calloc(1, 2 * sizeof(signature));

    must(EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1);
    must(EVP_DigestSign(context, signature, &length, (const unsigned char *)buffer_text(text),
                        text->length) == 1);
    EVP_EncodeBlock((unsigned char *)base64, signature, (int)length);
    EVP_MD_CTX_free(context);
    return base64;
}

char *make_message(EVP_PKEY *key, const struct made_message *wanted)
{
    struct buffer text;
    bool sha1 = wanted->version != NULL && strcmp(wanted->version, "1") == 0;
    char *signature, *printed, *whole;
    cJSON *object = cJSON_CreateObject();

    buffer_init(&text, 4 << 20);
    signed_text(wanted, &text);
    signature = sign(key, sha1 ? EVP_sha1() : EVP_sha256(), &text);
    buffer_clear(&text);

    const struct signed_value members[] = {
        {"Type", wanted->type},
        {"MessageId", wanted->id},
        {"Token", wanted->token},
        {"TopicArn", wanted->topic},
        {"Subject", wanted->subject},
        {"Message", wanted->message},
        {"SubscribeURL", wanted->subscribe_url},
        {"Timestamp", wanted->timestamp},
        {"SignatureVersion", wanted->version},
        {"Signature", wanted->signature != NULL ? wanted->signature : signature},
        {"SigningCertURL", wanted->url},
    };
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (members[i].value != NULL)
            cJSON_AddStringToObject(object, members[i].key, members[i].value);
    }
    printed = cJSON_PrintUnformatted(object);
    whole = must_printf("{%s%s", wanted->extra == NULL ? "" : wanted->extra, printed + 1);
    free(printed);
    free(signature);
    cJSON_Delete(object);
    return whole;
}

const struct made_message usual = {
    .type = NOTIFICATION,
    .id = "c0e5a280-53c9-5a98-93bb-c0a560b3d192",
    .topic = TOPIC,
    .message = "{\"AlarmName\":\"Inicio de Sesi\xc3\xb3n\"}\n",
    .timestamp = TIME,
    .version = "1",
    .url = URL,
};
const struct made_message usual_confirmation = {
    .type = "SubscriptionConfirmation",
    .id = "c0e5a280-53c9-5a98-93bb-c0a560b3d192",
    .topic = TOPIC,
    .message = "You have chosen to subscribe",
    .timestamp = TIME,
    .version = "2",
    .url = URL,
    .token = "2336412f37",
    .subscribe_url = HOST "/?Action=ConfirmSubscription&Token=2336412f37",
};

/* ---- the verifier and its world */

struct sns_fixture sns;

static int web_send(struct transport *self, const struct aws_request *request, struct aws_answer *ret_answer,
                    struct error *err)
{
    struct web *web = (struct web *)self;
    size_t length = web->page_length > 0 ? web->page_length : strlen(web->page);

    pthread_mutex_lock(&web->mutex);
    web->calls++;
    (void)text_copy(web->url, sizeof(web->url), request->url);
    pthread_mutex_unlock(&web->mutex);
    ck_assert_str_eq(request->method, "GET");
    ck_assert_ptr_null(request->credentials);
    if (web->failure != ERROR_NONE)
        return error_set(err, web->failure, "nobody there");
    *ret_answer = (struct aws_answer){.status = web->status};
    buffer_init(&ret_answer->body, request->answer_ceiling);
    return buffer_add(&ret_answer->body, web->page, length, err);
}

static const char *test_getenv(const char *name)
{
    return strcmp(name, "AWS_ENDPOINT_URL_SNS") == 0 ? sns.override : NULL;
}

void sns_begin(const char *const *topics, size_t count)
{
    static const char *const usual_topics[] = {"arn:aws:sns:eu-west-1:123456789012:other", TOPIC};
    const struct sns_verifier_options options = {
        .transport = &sns.web.transport,
        .clock = &sns.clock.clock,
        .getenv = test_getenv,
        .topic_arns = topics != NULL ? topics : usual_topics,
        .topic_count = topics != NULL ? count : COUNT_OF(usual_topics),
    };

    sns_verifier_free(sns.verifier);
    sns.verifier = sns_verifier_new(&options);
}

void sns_set_up(void)
{
    clock_virtual_init(&sns.clock, sns.now_ms);
    sns.web = (struct web){.transport = {web_send}, .page = sns.our_pem, .status = 200};
    pthread_mutex_init(&sns.web.mutex, NULL);
    sns.override = NULL;
    sns_begin(NULL, 0);
}

void sns_tear_down(void)
{
    sns_verifier_free(sns.verifier);
    sns.verifier = NULL;
    pthread_mutex_destroy(&sns.web.mutex);
}

int sns_run(Suite *suite)
{
    struct made_certificate made = {.common_name = "sns.amazonaws.com"};
    int failed;

    must(date_parse(TIME, &sns.now_ms));
    made.from_ms = sns.now_ms - DAY_MS;
    made.to_ms = sns.now_ms + DAY_MS;
    sns.our_key = make_rsa_key(2048);
    sns.foreign_key = make_rsa_key(2048);
    sns.weak_key = make_rsa_key(1024);
    sns.our_pem = make_certificate(sns.our_key, &made);
    failed = run_suite(suite);
    free(sns.our_pem);
    EVP_PKEY_free(sns.our_key);
    EVP_PKEY_free(sns.foreign_key);
    EVP_PKEY_free(sns.weak_key);
    return failed;
}

int verify_body(const char *body, const char *header, struct error *err)
{
    struct sns_message message = {0};
    int result = sns_verify(sns.verifier, body, strlen(body), header, false, NULL, &message, err);

    sns_message_clear(&message);
    return result;
}

int verify_made(EVP_PKEY *key, const struct made_message *wanted, struct error *err)
{
    char *body = make_message(key, wanted);
    int result = verify_body(body, wanted->type, err);

    free(body);
    return result;
}

void refused(const char *name, const char *body, const char *header, enum error_kind kind, const char *saying)
{
    struct error err = {0};

    ck_assert_msg(verify_body(body, header, &err) < 0, "%s: taken for genuine", name);
    ck_assert_msg(err.kind == kind && strstr(err.message, saying) != NULL, "%s: %s: '%s' without '%s'", name,
                  error_kind_name(err.kind), err.message, saying);
}

void refused_made(const char *name, const struct made_message *wanted, const char *saying)
{
    char *body = make_message(sns.our_key, wanted);

    refused(name, body, wanted->type, ERROR_INPUT, saying);
    free(body);
}
