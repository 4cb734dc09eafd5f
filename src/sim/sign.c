/*
 * sign.c - signed SNS messages.
 *
 * What is signed is "Key\nValue\n" for certain members in alphabetical order, with the
 * values as they are before JSON escapes them (SNS developer guide, "Verifying the signatures of
 * Amazon SNS messages"): SHA1 for SignatureVersion 1, SHA256 for 2.
 */
#include "sign.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/json_print.h"
#include "base/memory.h"

#include <cjson/cJSON.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

/* A message has at most 256 KiB (sns_publish checks it). */
enum { SIGNED_TEXT_MAX = 1024 * 1024 };

struct signer {
    EVP_PKEY *key;
    char *certificate;
    char path[80];
};

/* Nothing but a want of memory makes OpenSSL refuse these calls. */
static void must(bool happened)
{
    if (!happened)
        abort();
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* Self-signed: who verifies has nothing but this address to trust, as with AWS's own. */
static X509 *make_certificate(EVP_PKEY *key)
{
    static const unsigned char common_name[] = "sns.amazonaws.com";
    X509 *certificate = X509_new();
    X509_NAME *name;

    must(certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    must(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "19700101000000Z") == 1);
    must(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "22000101000000Z") == 1);
    must(X509_set_pubkey(certificate, key) == 1);
    name = X509_get_subject_name(certificate);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1);
    must(X509_set_issuer_name(certificate, name) == 1);
    add_extension(certificate, NID_subject_alt_name, "DNS:sns.amazonaws.com");
    add_extension(certificate, NID_ext_key_usage, "serverAuth");
    must(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

/* AWS names the file after a digest; so it changes whenever the key does. */
static void name_path(struct signer *signer, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[33];

    must(X509_digest(certificate, EVP_sha256(), digest, NULL) == 1);
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    snprintf(signer->path, sizeof(signer->path), "/SimpleNotificationService-%s.pem", hex);
}

struct signer *signer_new(void)
{
    struct signer *signer = must_calloc(1, sizeof(*signer));
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate;
    char *text;
    long length;

    signer->key = EVP_RSA_gen(2048);
    must(signer->key != NULL && bio != NULL);
    certificate = make_certificate(signer->key);
    must(PEM_write_bio_X509(bio, certificate) == 1);
    length = BIO_get_mem_data(bio, &text);
    signer->certificate = must_strndup(text, (size_t)length);
    name_path(signer, certificate);
    X509_free(certificate);
    BIO_free(bio);
    return signer;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL)
        return;
    EVP_PKEY_free(signer->key);
    free(signer->certificate);
    free(signer);
}

const char *signer_path(struct signer *signer)
{
    return signer->path;
}

const char *signer_certificate(struct signer *signer)
{
    return signer->certificate;
}

/* Base64; the caller frees. */
static char *sign(struct signer *signer, int version, const char *text, size_t length)
{
    unsigned char signature[512];
    size_t size = sizeof(signature);
    char *encoded;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    must(context != NULL &&
         EVP_DigestSignInit(context, NULL, version == 2 ? EVP_sha256() : EVP_sha1(), NULL, signer->key) == 1);
    must(EVP_DigestSign(context, signature, &size, (const unsigned char *)text, length) == 1);
    EVP_MD_CTX_free(context);
    encoded = must_calloc(1, 4 * (size / 3 + 1) + 1);
    (void)EVP_EncodeBlock((unsigned char *)encoded, signature, (int)size);
    return encoded;
}

/* The members that are signed, in the order in which they are. */
static const char *const signed_members[] = {"Message",   "MessageId", "Subject",  "SubscribeURL",
                                             "Timestamp", "Token",     "TopicArn", "Type"};

/* Of those members a message of its type has all but Subject, which only counts when it is there. */
static char *sign_members(struct signer *signer, int version, const cJSON *body)
{
    struct buffer text;
    struct error err;
    char *signature;

    buffer_init(&text, SIGNED_TEXT_MAX);
    for (size_t i = 0; i < COUNT_OF(signed_members); i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, signed_members[i]);

        if (value != NULL)
            must(buffer_printf(&text, &err, "%s\n%s\n", signed_members[i], value->valuestring) == 0);
    }
    signature = sign(signer, version, buffer_text(&text), text.length);
    buffer_clear(&text);
    return signature;
}

/* Takes the text over. */
static void add_owned(cJSON *body, const char *name, char *value)
{
    (void)cJSON_AddStringToObject(body, name, value);
    free(value);
}

char *signer_seal(struct signer *signer, const char *url, const struct sns_message *message)
{
    char version[4], timestamp[DATE_SIZE];
    cJSON *body = cJSON_CreateObject();
    char *text;

    date_format(message->at_ms, timestamp);
    snprintf(version, sizeof(version), "%d", message->signature_version);
    (void)cJSON_AddStringToObject(body, "Type", message->type);
    (void)cJSON_AddStringToObject(body, "MessageId", message->message_id);
    if (message->token != NULL)
        (void)cJSON_AddStringToObject(body, "Token", message->token);
    (void)cJSON_AddStringToObject(body, "TopicArn", message->topic_arn);
    if (message->subject != NULL)
        (void)cJSON_AddStringToObject(body, "Subject", message->subject);
    (void)cJSON_AddStringToObject(body, "Message", message->message);
    if (message->token != NULL)
        add_owned(body, "SubscribeURL",
                  must_printf("%s/?Action=ConfirmSubscription&TopicArn=%s&Token=%s", url, message->topic_arn,
                              message->token));
    (void)cJSON_AddStringToObject(body, "Timestamp", timestamp);
    if (signer != NULL) {
        add_owned(body, "Signature", sign_members(signer, message->signature_version, body));
        (void)cJSON_AddStringToObject(body, "SignatureVersion", version);
        add_owned(body, "SigningCertURL", must_printf("%s%s", url, signer->path));
    }
    if (message->token == NULL)
        add_owned(body, "UnsubscribeURL",
                  must_printf("%s/?Action=Unsubscribe&SubscriptionArn=%s", url, message->subscription_arn));
    text = json_print(body);
    cJSON_Delete(body);
    return text;
}
