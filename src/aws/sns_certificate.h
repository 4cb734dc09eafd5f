/*
 * sns_certificate.h - the certificates SNS signs with: fetched, judged, kept.
 */
#ifndef AWS_SNS_CERTIFICATE_H
#define AWS_SNS_CERTIFICATE_H

#include "aws/transport.h"
#include "base/clock.h"

#include <openssl/evp.h>

/* Bounded, and bounded in how often it goes to the network, whatever strangers send.  Thread-safe. */
struct sns_certificates;

struct sns_certificates *sns_certificates_new(struct transport *transport, struct clock *clock);
void sns_certificates_free(struct sns_certificates *certificates);
uint64_t sns_certificates_fetches(struct sns_certificates *certificates);

/*
 * The key of the certificate at `url`, which the caller has found to lie on the SNS endpoint of `region`.
 * Its name must be the one SNS uses in that region; at an `overridden` endpoint "sns.amazonaws.com" serves
 * too.  *ret_key is the caller's to EVP_PKEY_free().  ERROR_INPUT: it is no certificate to trust;
 * ERROR_TRANSIENT: it could not be fetched, or not now: at most six a minute are.
 *   ret_unknown  NULL: the network may be waited for (5 s, and for another one's fetch).  Else it is set, with -1, when
 *                that would be needed, and allowed.
 */
int sns_certificates_key(struct sns_certificates *certificates, const char *url, const char *region,
                         bool overridden, bool *ret_unknown, EVP_PKEY **ret_key, struct error *err);
/* A signature has matched the key of this one. */
void sns_certificates_prove(struct sns_certificates *certificates, const char *url);

#endif
