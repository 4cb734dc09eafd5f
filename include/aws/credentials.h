/*
 * credentials.h - where the AWS keys come from.
 *
 * The chain of the AWS CLI, in this order: environment (*); the profile's role_arn
 * with source_profile or credential_source; web identity from the environment
 * (*), then of the profile; static keys in the credentials file;
 * credential_process; static keys in the config file; container endpoint;
 * instance metadata (IMDSv2).  Those with a (*) are passed over when
 * credentials_options names a profile.  Sources: botocore's resolver, AWS SDKs
 * and Tools Reference Guide ("Standardized credential providers").
 *
 * Found once, kept, refreshed before they expire (15 minutes ahead when that works, 10 at
 * the latest), one refresh at a time; a failed refresh keeps what has not
 * expired yet.  Secrets are wiped when replaced.  Thread-safe.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "aws/transport.h"
#include "base/clock.h"

struct credentials_provider;

/* What a process gets from outside; a test gives its own. */
struct credentials_options {
    const char *(*getenv)(const char *name); /* NULL: getenv(3) */
    /* From --profile or streams.conf; NULL or "": AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
    const char *profile;
    const char *region; /* for STS; NULL or "": as aws_region() finds it */
};

/* Cheap: nothing is read or asked before the first credentials_get().  Borrows transport and clock. */
struct credentials_provider *credentials_provider_new(const struct credentials_options *options,
                                                      struct transport *transport, struct clock *clock);
void credentials_provider_free(struct credentials_provider *provider);

/* The caller clears *ret_credentials.  ERROR_AUTH that lists what was tried and why each did not serve
 * (never a secret), ERROR_CONFIG for a broken profile (loop, missing section), ERROR_TRANSIENT. */
int credentials_get(struct credentials_provider *provider, struct credentials *ret_credentials,
                    struct error *err);
/* AWS said these have expired or are unknown: the next get asks the source again. */
void credentials_reject(struct credentials_provider *provider, const char *access_key_id);

/* Region: `asked` (may be NULL or ""), AWS_REGION, AWS_DEFAULT_REGION, the profile's, instance metadata.
 * ERROR_CONFIG when none says, ERROR_TRANSIENT when instance metadata could not be asked: a host that has just been
 * booted may have no network yet.  `size` at least 64. */
int aws_region(const struct credentials_options *options, struct transport *transport, const char *asked,
               char *ret_region, size_t size, struct error *err);

#endif
