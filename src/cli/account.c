/*
 * account.c - the way to AWS for commands that are no daemon, and options that several commands take.
 */
#include "parts.h"

#include "aws/kinesis.h"
#include "base/text.h"

int account_open(const struct service_config *service, struct clock *clock, struct account *ret_account,
                 struct error *err)
{
    struct account account = {0};
    struct credentials_options credentials = {.profile = service->profile};
    struct aws_client_options client = {.clock = clock};

    if (transport_curl_open(&account.transport, err) < 0 ||
        aws_region(&credentials, account.transport, service->region, account.region, sizeof(account.region),
                   err) < 0)
        goto fail;
    credentials.region = account.region;
    account.credentials = credentials_provider_new(&credentials, account.transport, clock);
    client.region = account.region;
    client.transport = account.transport;
    client.credentials = account.credentials;
    if (aws_client_open(&client, &account.aws, err) < 0)
        goto fail;
    *ret_account = account;
    return 0;

fail:
    account_close(&account);
    return -1;
}

void account_close(struct account *account)
{
    aws_client_close(account->aws);
    credentials_provider_free(account->credentials);
    transport_curl_close(account->transport);
    *account = (struct account){0};
}

int cli_store(const char *path, bool only_looks, struct store **ret_store, struct error *err)
{
    if (!only_looks)
        return store_open(path, ret_store, err);
    if (store_open_readonly(path, ret_store, err) == 0)
        return 0;
    return err->kind == ERROR_NOT_FOUND ? store_open(":memory:", ret_store, err) : -1;
}

struct config *cli_discover(struct engine *engine, struct store *store)
{
    struct error err = {0};

    if (engine_discover(engine, store, &err) < 0)
        cli_print(stderr, "warning: streams that match a pattern are those that were found before: %s\n",
                  err.message);
    return engine_config(engine);
}

/* A pattern matches what was mistyped as well. */
static int check_exists(struct aws_client *aws, const char *stream, const char *pattern, struct error *err)
{
    struct stream_summary summary;

    if (kinesis_describe_summary(aws, stream, &summary, err) == 0)
        return 0;
    if (err->kind == ERROR_NOT_FOUND)
        return error_set(err, ERROR_CONFIG, "stream '%s' does not exist; only the pattern '%s' matches it",
                         stream, pattern);
    return error_wrap(err, "does stream '%s' exist, which only the pattern '%s' matches?", stream, pattern);
}

int cli_check_streams(const struct config *config, struct clock *clock, const char *const *streams,
                      size_t count, struct error *err)
{
    struct account account = {0};
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        struct stream_config room;
        const struct stream_config *stream = config_resolve(config, streams[i], &room);

        if (stream == NULL)
            result = error_set(err, ERROR_CONFIG, "stream '%s' is not configured", streams[i]);
        if (stream != &room)
            continue;
        if (account.aws == NULL)
            result = account_open(&config->service, clock, &account, err);
        if (result == 0)
            result = check_exists(account.aws, streams[i], room.pattern, err);
    }
    account_close(&account);
    return result;
}

bool cli_output(const char *text, bool *ret_json, struct error *err)
{
    if (!text_equal(text, "table") && !text_equal(text, "json"))
        return error_set(err, ERROR_CONFIG, "--output must be table or json, not '%s'", text) == 0;
    *ret_json = text_equal(text, "json");
    return true;
}

int cli_clock(const char *text, struct scaled_clock *scaled, struct clock **ret_clock, struct error *err)
{
    if (text == NULL) {
        *ret_clock = clock_system();
        return 0;
    }
    if (clock_scaled_parse(text, scaled, err) < 0)
        return -1;
    *ret_clock = &scaled->clock;
    return 0;
}
