/*
 * sign.h - the key with which the simulated SNS signs its messages.
 *
 * RSA with 2048 bits and a certificate of its own, made when it is first needed.
 */
#ifndef SIM_SIGN_H
#define SIM_SIGN_H

#include "model.h"

struct signer;
/* The certificate is valid from 1970 to 2200, because simulated time may run ahead. */
struct signer *signer_new(void);
void signer_free(struct signer *signer);
/* "/SimpleNotificationService-<32 hexadecimal digits>.pem" */
const char *signer_path(struct signer *signer);
const char *signer_certificate(struct signer *signer); /* PEM */
/* The body of a delivery: JSON, signed unless `signer` is NULL.  The caller frees.  `url` is what SNS's own URLs
 * begin with. */
char *signer_seal(struct signer *signer, const char *url, const struct sns_message *message);

#endif
