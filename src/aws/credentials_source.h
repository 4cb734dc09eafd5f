/*
 * credentials_source.h - what the sources of the chain share.
 */
#ifndef AWS_CREDENTIALS_SOURCE_H
#define AWS_CREDENTIALS_SOURCE_H

#include "aws/credentials.h"
#include "aws/profile.h"

/* One walk along the chain. */
struct source_context {
    const char *(*getenv)(const char *name);
    const char *asked_profile; /* "" when the operator named none outside of the environment */
    const char *profile;       /* the one in force */
    bool profile_named;        /* by anybody: then it must exist */
    const char *region;        /* for STS; "" to find one */
    struct transport *transport;
    struct clock *clock; /* NULL when only the region is looked for */
    struct profiles profiles;
    bool profiles_known;
};

/* Fills in what follows from the options and the environment. */
void source_context_init(struct source_context *context, const struct credentials_options *options,
                         struct transport *transport, struct clock *clock);
void source_context_clear(struct source_context *context);
/* NULL when it is not set, or set to nothing. */
const char *source_getenv(const struct source_context *context, const char *name);
/* Reads the files, once; a profile that was named must be in one of them.  ERROR_CONFIG. */
int source_profiles(struct source_context *context, struct error *err);

enum { SOURCE_ABSENT = 1 };

/*
 * 0: found, the source's name is for the caller to fill in.  SOURCE_ABSENT: nobody has set this one up, err
 * says what is missing, the chain goes on.  -1: set up but broken, the chain ends here.
 */
typedef int(source_fn)(struct source_context *context, const char *profile,
                       struct credentials *ret_credentials, struct error *err);
int source_absent(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

source_fn source_environment, source_environment_web_identity, source_container, source_instance;
source_fn source_profile_role, source_profile_web_identity, source_profile_sign_in;
source_fn source_profile_credentials_file, source_profile_process, source_profile_config_file;

/* Keys that could be keys: lengths, no blanks, no control characters; token may be NULL.  ERROR_CONFIG. */
int source_fill(struct credentials *ret_credentials, const char *access_key_id, const char *secret_access_key,
                const char *session_token, int64_t expires_ms, struct error *err);

/* A document of a helper program or of a metadata service. */
struct source_document {
    const char *token_name; /* "SessionToken" or "Token" */
    bool has_version;       /* "Version": 1 is required */
    bool expires;           /* "Expiration" is required */
};
/* ERROR_AUTH when it is none, or says that something failed. */
int source_read_document(const char *text, size_t length, const struct source_document *document,
                         struct credentials *ret_credentials, struct error *err);

/* GET below the instance metadata service, with a session token where there are such.  SOURCE_ABSENT when it
 * is off, has no such page, or does not answer (then ERROR_TRANSIENT: it may be late). */
int instance_metadata_get(struct source_context *context, const char *path, struct buffer *body,
                          struct error *err);

/* The region of aws_region(), the files of `context` being read already or not. */
int source_region(struct source_context *context, const char *asked, char *ret_region, size_t size,
                  struct error *err);

#endif
