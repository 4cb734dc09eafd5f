/*
 * client.c - one AWS account and region to talk to, and what is counted about it.
 */
#include "call.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

static const char *const service_names[AWS_SERVICE_COUNT] = {
    [AWS_KINESIS] = "kinesis", [AWS_CLOUDWATCH] = "cloudwatch",
    [AWS_SNS] = "sns",         [AWS_CLOUDFORMATION] = "cloudformation",
    [AWS_STS] = "sts",
};

const char *aws_service_name(enum aws_service service)
{
    return service_names[service];
}

/* A request with a member missing for want of memory would mean something else to AWS. */
static void set_json_memory(void)
{
    cJSON_Hooks hooks = {.malloc_fn = must_malloc, .free_fn = free};

    cJSON_InitHooks(&hooks);
}

int aws_client_open(const struct aws_client_options *options, struct aws_client **ret_client,
                    struct error *err)
{
    static pthread_once_t json_memory = PTHREAD_ONCE_INIT;
    struct aws_client *client = must_calloc(1, sizeof(*client));

    (void)pthread_once(&json_memory, set_json_memory);
    pthread_mutex_init(&client->lock, NULL);
    client->transport = options->transport;
    client->credentials = options->credentials;
    client->clock = options->clock;
    client->dice = options->dice != NULL ? options->dice : random_fraction;
    client->limiter = rate_limiter_new(options->clock);
    retry_budget_init(&client->budget);

    if (!text_copy(client->region, sizeof(client->region), options->region)) {
        (void)error_set(err, ERROR_CONFIG, "'%.64s' cannot be the name of a region", options->region);
        goto fail;
    }
    for (int service = 0; service < AWS_SERVICE_COUNT; service++) {
        if (aws_endpoint((enum aws_service)service, client->region, options->getenv,
                         client->endpoints[service], NULL, err) < 0)
            goto fail;
    }
    *ret_client = client;
    return 0;

fail:
    aws_client_close(client);
    return -1;
}

void aws_client_close(struct aws_client *client)
{
    if (client == NULL)
        return;
    rate_limiter_free(client->limiter);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

void aws_client_stop(struct aws_client *client)
{
    atomic_store(&client->stopping, true);
}

bool aws_client_is_stopping(const struct aws_client *client)
{
    return atomic_load(&client->stopping);
}

const char *aws_client_region(const struct aws_client *client)
{
    return client->region;
}

const char *aws_client_endpoint(const struct aws_client *client, enum aws_service service)
{
    return client->endpoints[service];
}

size_t aws_client_counts(struct aws_client *client, struct aws_call_count *rows, size_t size)
{
    size_t count;

    pthread_mutex_lock(&client->lock);
    count = client->count;
    for (size_t i = 0; i < count && i < size; i++)
        rows[i] = client->counts[i];
    pthread_mutex_unlock(&client->lock);
    return count;
}

bool aws_client_credentials_ok(struct aws_client *client, char *reason, size_t size)
{
    bool refused;

    pthread_mutex_lock(&client->lock);
    refused = client->refused;
    if (refused)
        (void)text_copy(reason, size, client->refusal);
    pthread_mutex_unlock(&client->lock);
    return !refused;
}

void aws_client_silence(struct aws_client *client, struct aws_silence *ret_silence)
{
    pthread_mutex_lock(&client->lock);
    ret_silence->answered = client->answered;
    ret_silence->since_ms = client->silent_since_ms;
    (void)text_copy(ret_silence->reason, sizeof(ret_silence->reason), client->silence);
    pthread_mutex_unlock(&client->lock);
}
