/*
 * daemon.c - puts the parts together, and takes them apart in the reverse order.
 */
#include "parts.h"

#include "base/log.h"
#include "base/memory.h"

/* Who stops us gives us half a minute, some only ten seconds. */
enum { STOP_PATIENCE_MS = 5000 };

enum {
    FRONT_CONNECTIONS = 1024,
    ADMIN_CONNECTIONS = 64,
    OTHER_FILES = 512, /* databases are three each, for 64 workers at most; connections to AWS, one each */
};

static const struct route front_routes[] = {
    {"POST", "/sns", SNS_BODY_MAX, intake_post},
};

static int start_aws(struct daemon *daemon, struct error *err)
{
    const struct service_config *service = &daemon->config->service;
    struct credentials_options credentials = {.profile = service->profile};
    struct aws_client_options client = {.region = daemon->region, .clock = daemon->clock};
    const char *topic_arns[TOPICS_MAX];
    struct sns_verifier_options verifier = {
        .clock = daemon->clock, .topic_arns = topic_arns, .topic_count = service->topic_count};

    if (transport_curl_open(&daemon->transport, err) < 0 ||
        aws_region(&credentials, daemon->transport, service->region, daemon->region, sizeof(daemon->region),
                   err) < 0)
        return -1;
    credentials.region = daemon->region;
    daemon->credentials = credentials_provider_new(&credentials, daemon->transport, daemon->clock);
    client.transport = daemon->transport;
    client.credentials = daemon->credentials;
    if (aws_client_open(&client, &daemon->aws, err) < 0)
        return -1;
    for (size_t i = 0; i < service->topic_count; i++)
        topic_arns[i] = service->topic_arns[i];
    verifier.transport = daemon->transport;
    daemon->verifier = sns_verifier_new(&verifier);
    return 0;
}

/* Opens it once, so that a wrong file stops the start and not the first turn. */
static int start_store(struct daemon *daemon, struct error *err)
{
    struct store *store;

    stores_init(&daemon->stores, daemon->config->service.database);
    store = stores_take(&daemon->stores, err);
    if (store == NULL)
        return -1;
    stores_give(&daemon->stores, store);
    return 0;
}

static int make_workers(struct daemon *daemon, struct error *err)
{
    struct engine_options engine = {.config = config_hold(daemon->config),
                                    .aws = daemon->aws,
                                    .clock = daemon->clock,
                                    .owner = daemon->owner};
    struct workers_options workers = {.clock = daemon->clock,
                                      .database = daemon->config->service.database,
                                      .owner = daemon->owner,
                                      .count = (int)daemon->config->service.workers};
    struct store *store = stores_take(&daemon->stores, err);
    int result = -1;

    if (store != NULL) { /* what patterns matched before, should Kinesis not answer at once */
        result = engine_recall(store, &engine.config, err);
        stores_give(&daemon->stores, store);
    }
    owner_make(daemon->owner);
    daemon->engine = engine_new(&engine);
    config_free(engine.config);
    workers.engine = daemon->engine;
    daemon->workers = workers_new(&workers);
    return result;
}

static int start_listeners(struct daemon *daemon, struct error *err)
{
    const struct service_config *service = &daemon->config->service;
    bool tls = service->tls_certificate[0] != '\0';
    struct http_server_options front = {.listen = service->listen,
                                        .routes = front_routes,
                                        .route_count = COUNT_OF(front_routes),
                                        .context = daemon,
                                        .refused = intake_refused,
                                        .connections_max = FRONT_CONNECTIONS,
                                        .tls_certificate = tls ? service->tls_certificate : NULL,
                                        .tls_key = tls ? service->tls_key : NULL};
    struct http_server_options admin = {
        .listen = service->admin_listen,
        .routes = admin_routes,
        .route_count = admin_route_count,
        .context = daemon,
        .token_file = service->admin_token_file[0] != '\0' ? service->admin_token_file : NULL,
        .threads = 2,
        .connections_max = ADMIN_CONNECTIONS};

    if (files_make_room(FRONT_CONNECTIONS + ADMIN_CONNECTIONS + OTHER_FILES, err) < 0 ||
        intake_open(daemon, err) < 0)
        return -1;
    if (http_server_start(&front, &daemon->front, err) < 0)
        return -1;
    return http_server_start(&admin, &daemon->admin, err);
}

int daemon_start(const struct daemon_options *options, struct daemon **ret_daemon, struct error *err)
{
    struct daemon *daemon = must_calloc(1, sizeof(*daemon));

    daemon->config = config_hold(options->config);
    daemon->clock = options->clock;
    reload_init(&daemon->reload, clock_now_ms(daemon->clock));
    if (start_store(daemon, err) < 0 || start_aws(daemon, err) < 0 || make_workers(daemon, err) < 0)
        goto fail;
    /* Who cannot listen, because another one does, must not touch a stream either. */
    if (start_listeners(daemon, err) < 0 || workers_start(daemon->workers, err) < 0)
        goto fail;
    LOG(LOG_INFO, "serving", {"listen", daemon->config->service.listen},
        {"port", .number = daemon_port(daemon)}, {"admin_port", .number = daemon_admin_port(daemon)},
        {"region", daemon->region}, {"streams", .number = (int64_t)daemon->config->stream_count},
        {"patterns", .number = (int64_t)daemon->config->pattern_count},
        {"kinesis", aws_client_endpoint(daemon->aws, AWS_KINESIS)});
    *ret_daemon = daemon;
    return 0;

fail:
    daemon_stop(daemon);
    return -1;
}

/* Whoever it is that is waited for, who waits for AWS is told not to.  What was asked is known by its intent: the next
 * start looks whether AWS did it. */
static void stop_waiting_for_aws(void *context)
{
    struct daemon *daemon = context;

    LOG(LOG_WARN, "stop-hurried",
        {"why", "it takes long; what AWS has not answered is left to the next start"},
        {"waits_for", daemon->stopping});
    if (daemon->aws != NULL)
        aws_client_stop(daemon->aws);
    if (daemon->transport != NULL)
        transport_curl_interrupt(daemon->transport);
}

void daemon_stop(struct daemon *daemon)
{
    struct patience patience;

    if (daemon == NULL)
        return;
    daemon->stopping = "requests on listen";
    patience_begin(&patience, STOP_PATIENCE_MS, stop_waiting_for_aws, daemon);
    http_server_stop(daemon->front); /* nothing new comes in */
    daemon->stopping = "requests on admin_listen";
    http_server_stop(daemon->admin);
    daemon->stopping = "notifications that are being stored";
    intake_close(daemon);
    daemon->stopping = "turns of streams";
    workers_stop(daemon->workers);
    patience_end(&patience);
    engine_free(daemon->engine);
    sns_verifier_free(daemon->verifier);
    aws_client_close(daemon->aws);
    credentials_provider_free(daemon->credentials);
    transport_curl_close(daemon->transport);
    stores_clear(&daemon->stores);
    reload_clear(&daemon->reload);
    config_free(daemon->config);
    free(daemon);
}

int daemon_port(const struct daemon *daemon)
{
    return http_server_port(daemon->front);
}

int daemon_admin_port(const struct daemon *daemon)
{
    return http_server_port(daemon->admin);
}
