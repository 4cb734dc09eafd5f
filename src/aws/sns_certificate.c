/*
 * sns_certificate.c - what stands between a forged message and our trust, or our network.
 *
 * The certificate is a leaf: its issuer is not in the system's store.  What makes it SNS's own is that it
 * came from the SNS endpoint over verified TLS, bears the name SNS uses, and is valid today.
 *
 * DESIGN: `mutex` guards what is kept and is never held over a fetch, so a message whose certificate is known
 * waits for nobody.  `fetching` lets one fetch happen at a time; whoever waited for it looks again first.
 * Failures have places of their own, so that made-up addresses cannot push out what is good; and what a signature
 * has matched is pushed out last.
 *
 * Anybody can name certificates that are not there, so fetches are few; which then?  Names that look like those of
 * SNS go before others, and names that come again before both: SNS brings a message again after 20 s with the same
 * name, and all its messages have that one, while who wants to keep us busy must make up another each time.  What
 * was seen is kept by a hash with a secret in it: one place per hash, so that a name stays unless another one
 * happens to fall on its place (one in two of them for 20 s, while 2,000 names a second come by).
 */
#include "sns_certificate.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <pthread.h>

enum {
    KEPT = 8,
    KEPT_FAILURES = 16,
    PASSING_FAILURE_MS = 10 * 1000, /* SNS comes again after 20 s */
    LASTING_FAILURE_MS = 60 * 1000,
    MINUTE_MS = 60 * 1000,
    FETCHES_PER_MINUTE = 6,
    SEEN = 65536,
    COMES_AGAIN_MS = 10 * 1000, /* SNS after 20 s; not one more message of the same moment */
    FORGOTTEN_MS = 60 * MINUTE_MS,
    SECRET_SIZE = 16,
    FETCH_TIMEOUT_MS = 5000,
    CERTIFICATE_MAX = 16 * 1024,
    RSA_BITS_MIN = 2048,
    NAME_SIZE = 256,
};

/* How much speaks for a name that is not kept; and how many may have been fetched in the last minute, for it to be. */
enum standing { STRANGE, LIKELY, RETURNING };
static const int fetches_before[] = {[STRANGE] = 2, [LIKELY] = 4, [RETURNING] = FETCHES_PER_MINUTE};

struct kept {
    char *url; /* NULL: free */
    X509 *certificate;
    int64_t used_ms;
    bool proven; /* a signature has matched it */
};

struct sighting {
    uint64_t hash;
    int64_t first_ms;
    bool failed; /* to be fetched: coming again no longer speaks for it */
};

struct failure {
    char *url; /* NULL: free */
    int64_t until_ms;
    struct error error;
};

struct sns_certificates {
    struct transport *transport;
    struct clock *clock;
    pthread_mutex_t fetching;
    pthread_mutex_t mutex; /* of all below; taken after `fetching` when both are */
    struct kept kept[KEPT];
    struct failure failures[KEPT_FAILURES];
    size_t next_failure;
    unsigned char secret[SECRET_SIZE];
    struct sighting *seen;                  /* SEEN of them, 1.5 MiB; NULL until a name is not kept */
    int64_t fetched_ms[FETCHES_PER_MINUTE]; /* a ring: when the last ones were */
    uint64_t fetches;
};

/* ---- is it one to trust */

/* Regions whose messages are signed with another name than sns.amazonaws.com; %s is the region. */
enum naming { NAME_COMMON, NAME_SIGNING, NAME_CHINA, NAME_GOV, NAME_SOVEREIGN };
static const struct {
    const char *region; /* or a prefix of it, ending in '-' */
    enum naming naming;
} namings[] = {
    {"ap-east-1", NAME_SIGNING},
    {"ap-east-2", NAME_SIGNING},
    {"ap-south-2", NAME_SIGNING},
    {"ap-southeast-3", NAME_SIGNING},
    {"ap-southeast-4", NAME_SIGNING},
    {"ap-southeast-5", NAME_SIGNING},
    {"ap-southeast-6", NAME_SIGNING},
    {"ap-southeast-7", NAME_SIGNING},
    {"me-south-1", NAME_SIGNING},
    {"me-central-1", NAME_SIGNING},
    {"eu-south-1", NAME_SIGNING},
    {"eu-south-2", NAME_SIGNING},
    {"eu-central-2", NAME_SIGNING},
    {"af-south-1", NAME_SIGNING},
    {"il-central-1", NAME_SIGNING},
    {"ca-west-1", NAME_SIGNING},
    {"mx-central-1", NAME_SIGNING},
    {"cn-", NAME_CHINA},
    {"us-gov-", NAME_GOV},
    {"eusc-", NAME_SOVEREIGN},
};

static enum naming region_naming(const char *region)
{
    for (size_t i = 0; i < COUNT_OF(namings); i++) {
        const char *row = namings[i].region;

        if (text_ends_with(row, "-") ? text_starts_with(region, row) : strcmp(region, row) == 0)
            return namings[i].naming;
    }
    return NAME_COMMON;
}

static void expected_name(const char *region, char name[NAME_SIZE])
{
    switch (region_naming(region)) {
    case NAME_SIGNING:
        snprintf(name, NAME_SIZE, "sns-signing.%s.amazonaws.com", region);
        break;
    case NAME_CHINA:
        snprintf(name, NAME_SIZE, "sns-%s.amazonaws.com.cn", region);
        break;
    case NAME_GOV: /* one for both regions */
        snprintf(name, NAME_SIZE, "sns-us-gov-west-1.amazonaws.com");
        break;
    case NAME_SOVEREIGN:
        snprintf(name, NAME_SIZE, "sns-signing.%s.amazonaws.eu", region);
        break;
    case NAME_COMMON:
        snprintf(name, NAME_SIZE, "sns.amazonaws.com");
        break;
    }
}

/* Byte for byte: a name with a '\0' inside is another name. */
static bool is_name(const ASN1_STRING *string, const char *name)
{
    unsigned char *text = NULL;
    int length = ASN1_STRING_to_UTF8(&text, string);
    bool same = length >= 0 && (size_t)length == strlen(name) && memcmp(text, name, (size_t)length) == 0;

    OPENSSL_free(text);
    return same;
}

static bool has_common_name(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
        return false; /* none, or more than one to choose from */
    return is_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)), name);
}

static bool has_alternative_name(X509 *certificate, const char *name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);

        found = one->type == GEN_DNS && is_name(one->d.dNSName, name);
    }
    GENERAL_NAMES_free(names);
    return found;
}

static bool bears_name(X509 *certificate, const char *name)
{
    return has_common_name(certificate, name) || has_alternative_name(certificate, name);
}

/* What about a certificate does not change with time. */
static int check_certificate(X509 *certificate, const char *region, bool overridden, struct error *err)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    char name[NAME_SIZE];

    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        return error_set(err, ERROR_INPUT, "its key is no RSA key of at least %d bits", RSA_BITS_MIN);
    expected_name(region, name);
    if (!bears_name(certificate, name) && !(overridden && bears_name(certificate, "sns.amazonaws.com")))
        return error_set(err, ERROR_INPUT, "it is not made out to '%s'", name);
    return 0;
}

static int check_dates(X509 *certificate, int64_t now_ms, struct error *err)
{
    time_t now_s = (time_t)(now_ms / 1000);

    if (X509_cmp_time(X509_get0_notBefore(certificate), &now_s) != -1)
        return error_set(err, ERROR_INPUT, "signing certificate: it is not valid yet");
    if (X509_cmp_time(X509_get0_notAfter(certificate), &now_s) != 1)
        return error_set(err, ERROR_INPUT, "signing certificate: it has expired");
    return 0;
}

/* ---- reading */

static const char pem_begin[] = "-----BEGIN CERTIFICATE-----";
static const char pem_end[] = "-----END CERTIFICATE-----";

/* One certificate and nothing else but blanks behind it. */
static bool is_one_certificate(const char *text, size_t length)
{
    const char *end;

    if (strlen(text) != length || !text_starts_with(text, pem_begin))
        return false;
    end = strstr(text, pem_end);
    if (end == NULL || strstr(text + 1, "-----BEGIN") != NULL)
        return false;
    end += strlen(pem_end);
    return end[strspn(end, " \t\r\n")] == '\0';
}

static int read_certificate(const char *text, size_t length, X509 **ret_certificate, struct error *err)
{
    BIO *bytes;
    X509 *certificate;

    if (!is_one_certificate(text, length))
        return error_set(err, ERROR_INPUT, "not exactly one PEM certificate");
    bytes = BIO_new_mem_buf(text, (int)length);
    certificate = PEM_read_bio_X509(bytes, NULL, NULL, NULL);
    BIO_free(bytes);
    if (certificate == NULL)
        return error_set(err, ERROR_INPUT, "not a certificate");
    *ret_certificate = certificate;
    return 0;
}

/* Any other failure than a wrong certificate may pass: rather let SNS try again than lose a message. */
static int fetch(struct sns_certificates *certificates, const char *url, const char *region, bool overridden,
                 X509 **ret_certificate, struct error *err)
{
    SCOPED(aws_answer_clear) struct aws_answer answer = {0};
    const struct aws_request request = {
        .method = "GET",
        .url = url,
        .connect_timeout_ms = FETCH_TIMEOUT_MS,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .answer_ceiling = CERTIFICATE_MAX,
    };
    X509 *certificate = NULL;

    if (certificates->transport->send(certificates->transport, &request, &answer, err) < 0) {
        if (err->kind != ERROR_INPUT)
            err->kind = ERROR_TRANSIENT;
        return -1;
    }
    if (answer.status >= 300 && answer.status < 400)
        return error_set(err, ERROR_INPUT, "a redirect (%d), which is not followed", answer.status);
    if (answer.status != 200)
        return error_set(err, ERROR_TRANSIENT, "status %d", answer.status);
    if (read_certificate(buffer_text(&answer.body), answer.body.length, &certificate, err) < 0)
        return -1;
    if (check_certificate(certificate, region, overridden, err) < 0) {
        X509_free(certificate);
        return -1;
    }
    *ret_certificate = certificate;
    return 0;
}

/* ---- keeping; all with the mutex held */

/* 0: kept, the caller owns a reference.  1: neither kept nor known to fail.  -1: failed a moment ago. */
static int look_up(struct sns_certificates *certificates, const char *url, X509 **ret_certificate,
                   struct error *err)
{
    int64_t now_ms = clock_now_ms(certificates->clock);

    for (size_t i = 0; i < KEPT; i++) {
        struct kept *kept = &certificates->kept[i];

        if (kept->url != NULL && strcmp(kept->url, url) == 0) {
            kept->used_ms = now_ms;
            X509_up_ref(kept->certificate);
            *ret_certificate = kept->certificate;
            return 0;
        }
    }
    for (size_t i = 0; i < KEPT_FAILURES; i++) {
        const struct failure *failure = &certificates->failures[i];

        if (failure->url != NULL && strcmp(failure->url, url) == 0 && now_ms < failure->until_ms &&
            failure->until_ms - now_ms <= LASTING_FAILURE_MS) { /* else the clock was set back */
            *err = failure->error;
            return -1;
        }
    }
    return 1;
}

static void keep(struct sns_certificates *certificates, const char *url, X509 *certificate)
{
    struct kept *place = &certificates->kept[0];

    for (size_t i = 1; i < KEPT && place->url != NULL; i++) {
        struct kept *other = &certificates->kept[i];

        if (other->url == NULL || other->proven < place->proven ||
            (other->proven == place->proven && other->used_ms < place->used_ms))
            place = other;
    }
    free(place->url);
    X509_free(place->certificate);
    X509_up_ref(certificate);
    *place = (struct kept){must_strdup(url), certificate, clock_now_ms(certificates->clock), false};
}

/* Where the name's sighting is, or would be. */
static struct sighting *find_sighting(struct sns_certificates *certificates, const char *url,
                                      uint64_t *ret_hash)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, certificates->secret, SECRET_SIZE) != 1 ||
        EVP_DigestUpdate(context, url, strlen(url)) != 1 || EVP_DigestFinal_ex(context, digest, NULL) != 1)
        abort(); /* only without memory */
    EVP_MD_CTX_free(context);
    if (certificates->seen == NULL)
        certificates->seen = must_calloc(SEEN, sizeof(*certificates->seen));
    memcpy(ret_hash, digest, sizeof(*ret_hash));
    return &certificates->seen[*ret_hash % SEEN];
}

/* "SimpleNotificationService-" and 32 hexadecimal digits: SNS has always called them so. */
static bool is_likely(const char *url)
{
    static const char usual[] = "/SimpleNotificationService-";
    const char *name = strrchr(url, '/');

    return name != NULL && text_starts_with(name, usual) &&
           strspn(name + strlen(usual), "0123456789abcdef") == 32 &&
           strcmp(name + strlen(usual) + 32, ".pem") == 0;
}

/* Remembers that the name was seen. */
static enum standing judge(struct sns_certificates *certificates, const char *url, int64_t now_ms)
{
    uint64_t hash;
    struct sighting *sighting = find_sighting(certificates, url, &hash);
    int64_t age_ms = now_ms - sighting->first_ms;

    if (sighting->hash != hash || age_ms < 0 || age_ms >= FORGOTTEN_MS)
        *sighting = (struct sighting){hash, now_ms, false};
    else if (age_ms >= COMES_AGAIN_MS && !sighting->failed)
        return RETURNING;
    return is_likely(url) ? LIKELY : STRANGE;
}

static void keep_failure(struct sns_certificates *certificates, const char *url, const struct error *error)
{
    struct failure *place = &certificates->failures[certificates->next_failure];
    int64_t pause_ms = error_is_retryable(error) ? PASSING_FAILURE_MS : LASTING_FAILURE_MS;
    uint64_t hash;
    struct sighting *sighting = find_sighting(certificates, url, &hash);

    *sighting = (struct sighting){hash, clock_now_ms(certificates->clock), true};
    certificates->next_failure = (certificates->next_failure + 1) % KEPT_FAILURES;
    free(place->url);
    *place = (struct failure){must_strdup(url), clock_now_ms(certificates->clock) + pause_ms, *error};
}

/* ERROR_TRANSIENT: not now.  A clock that was set back makes what lies ahead of it count for nothing. */
static int may_fetch(struct sns_certificates *certificates, const char *url, struct error *err)
{
    int64_t now_ms = clock_now_ms(certificates->clock);
    enum standing standing = judge(certificates, url, now_ms);
    int fetched = 0;

    for (size_t i = 0; i < FETCHES_PER_MINUTE; i++) {
        int64_t age_ms = now_ms - certificates->fetched_ms[i];

        fetched += age_ms >= 0 && age_ms < MINUTE_MS;
    }
    if (fetched < fetches_before[standing])
        return 0;
    return error_set(err, ERROR_TRANSIENT, "%d were fetched within a minute, others must come again",
                     fetched);
}

/* ---- the outside */

/* As look_up(); and -1 when it may not be fetched now. */
static int look_up_locked(struct sns_certificates *certificates, const char *url, X509 **ret_certificate,
                          struct error *err)
{
    int result;

    pthread_mutex_lock(&certificates->mutex);
    result = look_up(certificates, url, ret_certificate, err);
    if (result == 1 && may_fetch(certificates, url, err) < 0)
        result = -1;
    pthread_mutex_unlock(&certificates->mutex);
    return result;
}

/* With `fetching` held. */
static int fetch_and_keep(struct sns_certificates *certificates, const char *url, const char *region,
                          bool overridden, X509 **ret_certificate, struct error *err)
{
    int result = look_up_locked(certificates, url, ret_certificate, err);

    if (result <= 0)
        return result;
    pthread_mutex_lock(&certificates->mutex);
    certificates->fetched_ms[certificates->fetches++ % FETCHES_PER_MINUTE] =
        clock_now_ms(certificates->clock);
    pthread_mutex_unlock(&certificates->mutex);
    result = fetch(certificates, url, region, overridden, ret_certificate, err);
    pthread_mutex_lock(&certificates->mutex);
    if (result < 0)
        keep_failure(certificates, url, err);
    else
        keep(certificates, url, *ret_certificate);
    pthread_mutex_unlock(&certificates->mutex);
    return result;
}

static int find_key(struct sns_certificates *certificates, const char *url, const char *region,
                    bool overridden, bool *ret_unknown, EVP_PKEY **ret_key, struct error *err)
{
    X509 *certificate = NULL;
    int result = look_up_locked(certificates, url, &certificate, err);

    if (result > 0 && ret_unknown != NULL) {
        *ret_unknown = true;
        return error_set(err, ERROR_TRANSIENT, "signing certificate: it has to be fetched first");
    }
    if (result > 0) {
        pthread_mutex_lock(&certificates->fetching);
        result = fetch_and_keep(certificates, url, region, overridden, &certificate, err);
        pthread_mutex_unlock(&certificates->fetching);
    }
    if (result < 0)
        return error_wrap(err, "signing certificate");

    result = check_dates(certificate, clock_now_ms(certificates->clock), err);
    if (result == 0)
        *ret_key = X509_get_pubkey(certificate);
    X509_free(certificate);
    return result;
}

int sns_certificates_key(struct sns_certificates *certificates, const char *url, const char *region,
                         bool overridden, bool *ret_unknown, EVP_PKEY **ret_key, struct error *err)
{
    int result = find_key(certificates, url, region, overridden, ret_unknown, ret_key, err);

    ERR_clear_error(); /* the library's queue is per thread: what is wrong here must not be blamed on the next call */
    return result;
}

void sns_certificates_prove(struct sns_certificates *certificates, const char *url)
{
    pthread_mutex_lock(&certificates->mutex);
    for (size_t i = 0; i < KEPT; i++) {
        if (certificates->kept[i].url != NULL && strcmp(certificates->kept[i].url, url) == 0)
            certificates->kept[i].proven = true;
    }
    pthread_mutex_unlock(&certificates->mutex);
}

struct sns_certificates *sns_certificates_new(struct transport *transport, struct clock *clock)
{
    struct sns_certificates *certificates = must_calloc(1, sizeof(*certificates));

    certificates->transport = transport;
    certificates->clock = clock;
    random_bytes(certificates->secret, SECRET_SIZE);
    for (size_t i = 0; i < FETCHES_PER_MINUTE; i++)
        certificates->fetched_ms[i] = INT64_MIN / 2; /* long ago */
    pthread_mutex_init(&certificates->fetching, NULL);
    pthread_mutex_init(&certificates->mutex, NULL);
    return certificates;
}

void sns_certificates_free(struct sns_certificates *certificates)
{
    if (certificates == NULL)
        return;
    for (size_t i = 0; i < KEPT; i++) {
        free(certificates->kept[i].url);
        X509_free(certificates->kept[i].certificate);
    }
    for (size_t i = 0; i < KEPT_FAILURES; i++)
        free(certificates->failures[i].url);
    free(certificates->seen);
    pthread_mutex_destroy(&certificates->mutex);
    pthread_mutex_destroy(&certificates->fetching);
    free(certificates);
}

uint64_t sns_certificates_fetches(struct sns_certificates *certificates)
{
    uint64_t fetches;

    pthread_mutex_lock(&certificates->mutex);
    fetches = certificates->fetches;
    pthread_mutex_unlock(&certificates->mutex);
    return fetches;
}
