/*
 * credentials.c - the chain of sources, and what it found, kept and renewed.
 *
 * DESIGN: one mutex guards all that is kept; it is never held while a source is asked.  The thread that finds
 * that the keys must be renewed does it itself and says so in `refreshing`; the others take what is still
 * good, or, when that is about to expire or there is nothing, wait for the outcome and share it, failures
 * too.  A walk along the chain begins afresh each time, so a changed file, token or role is seen.
 *
 *            more than 15 min left     less              less than 10 min      none
 *   alone:   take                      renew, or take    renew, or take        renew, or fail
 *   others:  take                      take              wait, then take       wait, then take or fail
 */
#include "credentials_source.h"

#include "base/memory.h"

#include <inttypes.h>
#include <pthread.h>

enum {
    ADVISORY_MS = 15 * 60 * 1000,
    MANDATORY_MS = 10 * 60 * 1000,
    /* A metadata service gives the same keys until shortly before they end, and a failure may last:
     * while there is something to work with, it is not asked more often than this. */
    REFRESH_PAUSE_MS = 60 * 1000,
    TRIED_MAX = 16 * 1024,
};

/* The chain: the order of the AWS CLI. */
static source_fn environment_unless_profile;
static const struct {
    const char *name;
    bool of_profile;
    source_fn *load;
} chain[] = {
    {"environment", false, environment_unless_profile},
    {"role of profile", true, source_profile_role},
    {"web identity", false, source_environment_web_identity},
    {"web identity of profile", true, source_profile_web_identity},
    {"sign-in of profile", true, source_profile_sign_in},
    {"credentials file", true, source_profile_credentials_file},
    {"credential_process", true, source_profile_process},
    {"config file", true, source_profile_config_file},
    {"container", false, source_container},
    {"instance metadata", false, source_instance},
};

struct credentials_provider {
    struct credentials_options options; /* texts are our own copies */
    struct transport *transport;
    struct clock *clock;
    char *labels[COUNT_OF(chain)]; /* credentials.source points to these */

    pthread_mutex_t mutex;
    pthread_cond_t refreshed;
    struct credentials kept; /* access_key_id "" when there are none */
    bool rejected;           /* AWS did not want them */
    bool refreshing;
    uint64_t refreshes;
    bool failed; /* the last refresh */
    struct error failure;
    int64_t next_refresh_ms;
};

/* ---- the chain */

int source_environment(struct source_context *context, const char *profile,
                       struct credentials *ret_credentials, struct error *err)
{
    const char *access_key_id = source_getenv(context, "AWS_ACCESS_KEY_ID");
    const char *secret = source_getenv(context, "AWS_SECRET_ACCESS_KEY");

    (void)profile;
    if (access_key_id == NULL)
        return source_absent(err, "AWS_ACCESS_KEY_ID is not set");
    if (secret == NULL)
        return error_set(err, ERROR_CONFIG, "AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY");
    return source_fill(ret_credentials, access_key_id, secret, source_getenv(context, "AWS_SESSION_TOKEN"),
                       INT64_MAX, err);
}

static int environment_unless_profile(struct source_context *context, const char *profile,
                                      struct credentials *ret_credentials, struct error *err)
{
    if (*context->asked_profile != '\0')
        return source_absent(err, "a profile was asked for");
    return source_environment(context, profile, ret_credentials, err);
}

static int check_expiry(struct credentials *found, int64_t now_ms, struct error *err)
{
    if (found->expires_ms > now_ms)
        return 0;
    credentials_clear(found);
    return error_set(err, ERROR_TRANSIENT, "what it gave had already expired");
}

/* Why a source had nothing.  Those of the profile come together, each reason once: the whole must fit into a message,
 * behind what was called.  No buffer reaches its ceiling: ten reasons of at most 512 bytes. */
static void note_absent(size_t source, const char *why, struct buffer *tried, struct buffer *of_profile)
{
    struct error err;

    if (!chain[source].of_profile)
        (void)buffer_printf(tried, &err, "%s: %s; ", chain[source].name, why);
    else if (strstr(buffer_text(of_profile), why) == NULL)
        (void)buffer_printf(of_profile, &err, "%s%s", of_profile->length > 0 ? ", " : "", why);
}

/* *ret_credentials begins zeroed. */
static int walk(struct credentials_provider *provider, struct credentials *ret_credentials, struct error *err)
{
    SCOPED(source_context_clear) struct source_context context;
    SCOPED(buffer_clear) struct buffer tried;
    SCOPED(buffer_clear) struct buffer of_profile;
    struct error why = {0};

    source_context_init(&context, &provider->options, provider->transport, provider->clock);
    buffer_init(&tried, TRIED_MAX);
    buffer_init(&of_profile, TRIED_MAX);
    for (size_t i = 0; i < COUNT_OF(chain); i++) {
        struct credentials found = {0};
        int result = chain[i].load(&context, context.profile, &found, &why);

        if (result == 0)
            result = check_expiry(&found, clock_now_ms(provider->clock), &why);
        if (result < 0) {
            *err = why;
            return error_wrap(err, "credentials: %s", provider->labels[i]);
        }
        if (result == 0) {
            found.source = provider->labels[i];
            *ret_credentials = found;
            wipe(&found, sizeof(found));
            return 0;
        }
        note_absent(i, why.message, &tried, &of_profile);
    }
    return error_set(err, ERROR_AUTH, "no credentials: %sprofile '%.64s': %s", buffer_text(&tried),
                     context.profile, buffer_text(&of_profile));
}

/* ---- the provider */

struct credentials_provider *credentials_provider_new(const struct credentials_options *options,
                                                      struct transport *transport, struct clock *clock)
{
    struct credentials_provider *provider = must_calloc(1, sizeof(*provider));
    struct source_context context;

    provider->options = *options;
    provider->options.profile = must_strdup(options->profile);
    provider->options.region = must_strdup(options->region);
    provider->transport = transport;
    provider->clock = clock;
    source_context_init(&context, &provider->options, transport, clock);
    for (size_t i = 0; i < COUNT_OF(chain); i++)
        provider->labels[i] = chain[i].of_profile ? must_printf("%s '%s'", chain[i].name, context.profile)
                                                  : must_strdup(chain[i].name);
    pthread_mutex_init(&provider->mutex, NULL);
    pthread_cond_init(&provider->refreshed, NULL);
    return provider;
}

void credentials_provider_free(struct credentials_provider *provider)
{
    if (provider == NULL)
        return;
    credentials_clear(&provider->kept);
    for (size_t i = 0; i < COUNT_OF(chain); i++)
        free(provider->labels[i]);
    free((char *)provider->options.profile);
    free((char *)provider->options.region);
    pthread_cond_destroy(&provider->refreshed);
    pthread_mutex_destroy(&provider->mutex);
    free(provider);
}

/* What is left of the kept credentials; 0 or less when there are none to be used. */
static int64_t left_ms(const struct credentials_provider *provider, int64_t now_ms)
{
    if (provider->kept.access_key_id[0] == '\0' || provider->rejected)
        return 0;
    return provider->kept.expires_ms - now_ms;
}

/* Called and left with the mutex held, which is released while the sources are asked. */
static void refresh(struct credentials_provider *provider)
{
    struct credentials found = {0};
    struct error failure = {0};
    bool failed;

    provider->refreshing = true;
    pthread_mutex_unlock(&provider->mutex);
    failed = walk(provider, &found, &failure) < 0;
    pthread_mutex_lock(&provider->mutex);

    provider->refreshing = false;
    provider->refreshes++;
    provider->failed = failed;
    provider->next_refresh_ms = clock_now_ms(provider->clock) + REFRESH_PAUSE_MS;
    if (failed) {
        provider->failure = failure;
    } else {
        credentials_clear(&provider->kept);
        provider->kept = found;
        provider->rejected = false;
        wipe(&found, sizeof(found));
    }
    pthread_cond_broadcast(&provider->refreshed);
}

/* With the mutex held: does what the drawing on top says, until there is an outcome. */
static int get(struct credentials_provider *provider, struct credentials *ret_credentials, struct error *err)
{
    int64_t now_ms = clock_now_ms(provider->clock);
    int64_t left = left_ms(provider, now_ms);
    bool due = left <= ADVISORY_MS && (left <= 0 || now_ms >= provider->next_refresh_ms);
    struct credentials copy = {0};

    if (due && !provider->refreshing) {
        refresh(provider);
    } else if (provider->refreshing && left <= MANDATORY_MS) {
        uint64_t refreshes = provider->refreshes;

        while (provider->refreshes == refreshes)
            pthread_cond_wait(&provider->refreshed, &provider->mutex);
    }

    if (left_ms(provider, clock_now_ms(provider->clock)) <= 0) {
        if (!provider->failed)
            return error_set(err, ERROR_TRANSIENT, "credentials: they expired as they arrived");
        *err = provider->failure;
        return -1;
    }
    credentials_copy(&copy, &provider->kept);
    *ret_credentials = copy;
    wipe(&copy, sizeof(copy));
    return 0;
}

int credentials_get(struct credentials_provider *provider, struct credentials *ret_credentials,
                    struct error *err)
{
    int result;

    pthread_mutex_lock(&provider->mutex);
    result = get(provider, ret_credentials, err);
    pthread_mutex_unlock(&provider->mutex);
    return result;
}

void credentials_reject(struct credentials_provider *provider, const char *access_key_id)
{
    pthread_mutex_lock(&provider->mutex);
    if (strcmp(provider->kept.access_key_id, access_key_id) == 0)
        provider->rejected = true;
    pthread_mutex_unlock(&provider->mutex);
}
