/*
 * admin.c - the private listener: is it alive, is it of use, what does it count, what does it know.
 */
#include "parts.h"

#include "base/date.h"
#include "base/memory.h"
#include "daemon/view.h"

/* A worker asks for work every half second unless it is in a turn; all of them stuck this long is no good sign. */
enum { WORKER_SILENT_MAX_MS = 60 * 1000, PROBE_WAIT_MS = 1000, VIEW_LIMIT = 20 };
/* Somebody should have looked at a dead letter by then. */
enum { LETTER_OLD_MS = 60 * 60 * 1000 };

static void get_health(void *context, const struct http_request *request, struct http_response *response)
{
    struct error err = {0};

    (void)context;
    (void)request;
    (void)buffer_add_text(&response->body, "alive\n", &err);
}

static int check_store(struct daemon *daemon, struct error *err)
{
    struct store *store = stores_take(&daemon->stores, err);
    int result;

    if (store == NULL)
        return -1;
    store_set_busy_timeout(store, PROBE_WAIT_MS);
    result = store_probe(store, clock_now_ms(daemon->clock), err);
    store_set_busy_timeout(store, STORE_BUSY_TIMEOUT_MS);
    stores_give(&daemon->stores, store);
    return result;
}

static int check_workers(struct daemon *daemon, struct error *err)
{
    struct worker_counts counts = workers_counts(daemon->workers);

    if (counts.beat_age_ms > WORKER_SILENT_MAX_MS)
        return error_set(err, ERROR_BUG, "no worker has asked for work for %lld s",
                         (long long)counts.beat_age_ms / 1000);
    return 0;
}

static int check_credentials(struct daemon *daemon, struct error *err)
{
    char reason[256];

    return aws_client_credentials_ok(daemon->aws, reason, sizeof(reason))
               ? 0
               : error_set(err, ERROR_AUTH, "%s", reason);
}

static const struct {
    const char *name;
    int (*check)(struct daemon *daemon, struct error *err);
} checks[] = {
    {"store", check_store},
    {"workers", check_workers},
    {"credentials", check_credentials},
};

/*
 * Who never had an answer is started wrong: the endpoint, the region, the proxy.  Later it is AWS or the network, and what
 * SNS brings can still be stored; so that is told and nothing more.
 */
static void check_aws(struct daemon *daemon, struct http_response *response)
{
    struct aws_silence silence;
    struct error ignored = {0};
    char since[DATE_SIZE];

    aws_client_silence(daemon->aws, &silence);
    if (!silence.answered)
        response->status = 503;
    date_format_seconds(silence.since_ms, since);
    if (silence.since_ms > 0)
        (void)buffer_printf(&response->body, &ignored, "aws: %s since %s: %s\n",
                            silence.answered ? "no answer" : "never an answer,", since, silence.reason);
    else
        (void)buffer_printf(&response->body, &ignored, "aws: %s\n",
                            silence.answered ? "ok" : "not asked yet");
}

/* No reason to take the daemon out of service, so it is told and nothing more. */
static void tell_dead_letters(struct daemon *daemon, struct buffer *body)
{
    struct error err = {0};
    struct store *store = stores_take(&daemon->stores, &err);
    struct dead_letters dead = {0};

    if (store == NULL)
        return;
    if (store_dead_letters(store, &dead, &err) == 0 && dead.count > 0 &&
        clock_now_ms(daemon->clock) - dead.oldest_ms > LETTER_OLD_MS) {
        char oldest[DATE_SIZE];

        date_format_seconds(dead.oldest_ms, oldest);
        (void)buffer_printf(body, &err, "dead letters: %lld, the oldest of %s\n", (long long)dead.count,
                            oldest);
    }
    stores_give(&daemon->stores, store);
}

static void get_ready(void *context, const struct http_request *request, struct http_response *response)
{
    struct error ignored = {0};

    (void)request;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        struct error err = {0};
        bool failed = checks[i].check(context, &err) < 0;

        if (failed)
            response->status = 503;
        (void)buffer_printf(&response->body, &ignored, "%s: %s\n", checks[i].name,
                            failed ? err.message : "ok");
    }
    check_aws(context, response);
    tell_dead_letters(context, &response->body);
}

static void get_metrics(void *context, const struct http_request *request, struct http_response *response)
{
    struct daemon *daemon = context;
    struct error err = {0};
    struct store *store = stores_take(&daemon->stores, &err);

    (void)request;
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(daemon, store, &response->body);
    if (store != NULL)
        stores_give(&daemon->stores, store);
}

/* Takes the object over. */
static void answer_json(struct http_response *response, cJSON *object, const struct error *err)
{
    struct error ignored = {0};
    char *text;

    if (object == NULL) {
        response->status = err->kind == ERROR_NOT_FOUND ? 404 : 503;
        (void)buffer_printf(&response->body, &ignored, "%s\n", err->message);
        return;
    }
    response->content_type = "application/json";
    text = cJSON_Print(object);
    (void)buffer_printf(&response->body, &ignored, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
}

static void get_status(void *context, const struct http_request *request, struct http_response *response)
{
    struct daemon *daemon = context;
    struct error err = {0};
    struct store *store = stores_take(&daemon->stores, &err);
    struct config *config = engine_config(daemon->engine);
    cJSON *object = NULL;

    (void)request;
    if (store != NULL) {
        object = view_status(store, config, clock_now_ms(daemon->clock), &err);
        stores_give(&daemon->stores, store);
    }
    if (object != NULL)
        (void)cJSON_AddItemToObject(object, "configuration", reload_view(&daemon->reload));
    config_free(config);
    answer_json(response, object, &err);
}

static void get_stream(void *context, const struct http_request *request, struct http_response *response)
{
    struct daemon *daemon = context;
    struct error err = {0};
    struct store *store = stores_take(&daemon->stores, &err);
    struct config *config = engine_config(daemon->engine);
    cJSON *object = NULL;

    if (store != NULL) {
        object = view_stream(store, config, http_request_parameter(request, "name"),
                             clock_now_ms(daemon->clock), VIEW_LIMIT, &err);
        stores_give(&daemon->stores, store);
    }
    config_free(config);
    answer_json(response, object, &err);
}

const struct route admin_routes[] = {
    {"GET", "/healthz", 0, get_health, .open = true},
    {"GET", "/readyz", 0, get_ready},
    {"GET", "/metrics", 0, get_metrics},
    {"GET", "/status", 0, get_status},
    {"GET", "/streams/{name}", 0, get_stream},
};
const size_t admin_route_count = COUNT_OF(admin_routes);
