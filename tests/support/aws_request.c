#include "aws_request.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/memory.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

static const char *find_header(const struct sim_request *request, const char *name)
{
    const struct test_request *test = request->context;

    for (size_t i = 0; i < test->count; i++) {
        if (strcasecmp(test->names[i], name) == 0)
            return test->values[i];
    }
    return NULL;
}

void test_request_init(struct test_request *test, const char *method, const char *path, const char *query,
                       const char *body)
{
    memset(test, 0, sizeof(*test));
    test->request = (struct sim_request){method, path, query, body, strlen(body), find_header, test};
    test_request_header(test, "Host", "127.0.0.1:4567");
}

void test_request_header(struct test_request *test, const char *name, const char *value)
{
    size_t i = 0;

    while (i < test->count && strcasecmp(test->names[i], name) != 0)
        i++;
    if (value == NULL) {
        if (i < test->count) {
            test->count--;
            memcpy(test->names[i], test->names[test->count], sizeof(test->names[i]));
            memcpy(test->values[i], test->values[test->count], sizeof(test->values[i]));
        }
        return;
    }
    if (i == TEST_HEADERS_MAX)
        abort();
    snprintf(test->names[i], sizeof(test->names[i]), "%s", name);
    snprintf(test->values[i], sizeof(test->values[i]), "%s", value);
    test->count += i == test->count;
}

static void hex_digest(const char *text, size_t length, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text, length, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void chain(unsigned char key[32], int length, const char *text)
{
    unsigned char digest[32];

    if (HMAC(EVP_sha256(), key, length, (const unsigned char *)text, strlen(text), digest, NULL) == NULL)
        abort();
    memcpy(key, digest, sizeof(digest));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lower-case names in order; the caller frees them. */
static void sorted_names(const struct test_request *test, char *names[TEST_HEADERS_MAX])
{
    for (size_t i = 0; i < test->count; i++) {
        names[i] = must_strdup(test->names[i]);
        for (char *c = names[i]; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    qsort(names, test->count, sizeof(names[0]), compare_names);
}

void test_request_sign(struct test_request *test, const struct test_signature *signature)
{
    char time[DATE_SIZE], hash[65], key_text[512], scope[256], list[1024] = "", final[65];
    char *names[TEST_HEADERS_MAX], *canonical, *to_sign, *authorization, *headers = must_strdup("");
    unsigned char key[256] = {0};

    if (signature->time != NULL)
        snprintf(time, sizeof(time), "%s", signature->time);
    else
        date_format_basic(clock_now_ms(clock_system()), time);
    test_request_header(test, "X-Amz-Date", time);
    test_request_header(test, "X-Amz-Security-Token", signature->token);
    test_request_header(test, "Authorization", NULL);
    sorted_names(test, names);
    for (size_t i = 0; i < test->count; i++) {
        char *longer = must_printf("%s%s:%s\n", headers, names[i], find_header(&test->request, names[i]));

        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i == 0 ? "" : ";", names[i]);
        free(headers);
        free(names[i]);
        headers = longer;
    }
    hex_digest(test->request.body, test->request.body_length, hash);
    canonical = must_printf("%s\n%s\n%s\n%s\n%s\n%s", test->request.method, test->request.path,
                            test->request.query == NULL ? "" : test->request.query, headers, list, hash);
    hex_digest(canonical, strlen(canonical), hash);
    snprintf(scope, sizeof(scope), "%.8s/%s/%s/aws4_request", time, signature->region, signature->service);
    to_sign = must_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope, hash);

    snprintf(key_text, sizeof(key_text), "AWS4%s", signature->secret);
    memcpy(key, key_text, strlen(key_text));
    snprintf(key_text, sizeof(key_text), "%.8s", time);
    chain(key, 4 + (int)strlen(signature->secret), key_text);
    chain(key, 32, signature->region);
    chain(key, 32, signature->service);
    chain(key, 32, "aws4_request");
    chain(key, 32, to_sign);
    for (size_t i = 0; i < 32; i++)
        snprintf(final + 2 * i, 3, "%02x", key[i]);
    authorization = must_printf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                                signature->access_key_id, scope, list, final);
    test_request_header(test, "Authorization", authorization);
    free(authorization);
    free(to_sign);
    free(canonical);
    free(headers);
}
