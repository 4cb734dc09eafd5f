/*
 * The certificate that SNS is said to sign with: as the answer of the endpoint, and, so that more than base64 is tried,
 * as what is inside of one.
 */
#include "one_answer.h"

#include "../../src/aws/sns_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static struct one_answer endpoint;

static void try_answer(const uint8_t *data, size_t size)
{
    static const char url[] = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";
    struct transport *transport = one_answer_transport(&endpoint, data, size, 200);
    struct sns_certificates *certificates;
    struct virtual_clock clock;
    EVP_PKEY *key = NULL;
    struct error err = {0};

    clock_virtual_init(&clock, ONE_ANSWER_NOW_MS);
    certificates = sns_certificates_new(transport, &clock.clock);
    if (sns_certificates_key(certificates, url, "eu-west-1", false, NULL, &key, &err) < 0)
        FUZZ_ASSERT(key == NULL && err.kind == ERROR_INPUT && err.message[0] != '\0');
    else
        FUZZ_ASSERT(EVP_PKEY_get_bits(key) >= 2048);
    FUZZ_ASSERT(ERR_peek_error() == 0);
    EVP_PKEY_free(key);
    sns_certificates_free(certificates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BIO *pem = BIO_new(BIO_s_mem());
    char *text = NULL;
    long length;

    try_answer(data, size);
    FUZZ_ASSERT(PEM_write_bio(pem, PEM_STRING_X509, "", data, (long)size) > 0 || size == 0);
    ERR_clear_error();
    length = BIO_get_mem_data(pem, &text);
    try_answer((const uint8_t *)text, (size_t)length);
    BIO_free(pem);
    return 0;
}
