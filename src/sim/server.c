/*
 * server.c - the simulated AWS on an address: requests, deliveries, and time that passes.
 *
 * DESIGN  The http server's threads answer requests; the pump moves the model along with the clock about
 * every 50 ms, sooner when something is due; the couriers carry SNS messages out.  All meet
 * in the model, which has a lock of its own.  Requests move the model too, so that
 * none is answered at a time that has passed.
 */
#include "server.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "http/server.h"
#include "wire.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

enum { PUMP_MS = 50, AWS_BODY_MAX = 8 * 1024 * 1024, TRAFFIC_BODY_MAX = 4096, CREATE_MS = 30000 };

struct sim_server {
    struct sim *sim;
    struct clock *clock;
    struct http_server *http;
    char url[300]; /* "http://127.0.0.1:4567" */
    struct couriers *couriers;
    pthread_t pump;
    bool pumping;
    pthread_mutex_t
        starting; /* held until requests may be answered: the address is known before the scene is set */
    pthread_mutex_t lock; /* of stopping */
    pthread_cond_t stop;
    bool stopping;
};

static void must_not_fail(int result)
{
    if (result != 0)
        abort();
}

/* ---- requests */

static const char *aws_header(const struct sim_request *request, const char *name)
{
    const struct http_request *http = request->context;

    return http->header(http, name);
}

static void add_response_header(struct http_response *response, const char *name, const char *value)
{
    struct http_header *header = &response->headers[response->header_count];

    if (value[0] == '\0')
        return;
    header->name = name;
    (void)text_copy(header->value, sizeof(header->value), value);
    response->header_count++;
}

/* Waits for the start; false, with a 503, when it failed. */
static bool is_up(struct sim_server *server, struct http_response *response)
{
    must_not_fail(pthread_mutex_lock(&server->starting));
    must_not_fail(pthread_mutex_unlock(&server->starting));
    if (server->couriers == NULL)
        response->status = 503;
    return server->couriers != NULL;
}

static void answer_aws(void *context, const struct http_request *request, struct http_response *response)
{
    struct sim_server *server = context;
    struct http_request copy = *request; /* a sim_request's context is not const */
    const char *query_mode = request->header(request, "x-amzn-query-mode");
    struct sim_request aws = {
        .method = request->method,
        .path = request->path,
        .query = request->query,
        .body = request->body,
        .body_length = request->body_length,
        .header = aws_header,
        .context = &copy,
    };
    struct sim_response answer;

    if (!is_up(server, response))
        return;
    sim_advance(server->sim, clock_now_ms(server->clock));
    sim_answer(server->sim, &aws, &answer);
    couriers_wake(server->couriers);
    response->status = answer.status;
    response->content_type = answer.content_type;
    buffer_clear(&response->body);
    response->body = answer.body;
    add_response_header(response, "x-amzn-RequestId", answer.request_id);
    add_response_header(response, "x-amzn-ErrorType", answer.error_type);
    if (query_mode != NULL && strcasecmp(query_mode, "true") == 0)
        add_response_header(response, "x-amzn-query-error", answer.query_error);
}

static void get_state(void *context, const struct http_request *request, struct http_response *response)
{
    struct sim_server *server = context;

    (void)request;
    if (!is_up(server, response))
        return;
    sim_advance(server->sim, clock_now_ms(server->clock));
    model_lock(server->sim);
    wire_write_state(server->sim, &response->body);
    model_unlock(server->sim);
    response->content_type = "application/json";
}

static void get_requests(void *context, const struct http_request *request, struct http_response *response)
{
    struct sim_server *server = context;

    (void)request;
    if (!is_up(server, response))
        return;
    model_lock(server->sim);
    wire_write_requests(server->sim, &response->body);
    model_unlock(server->sim);
    response->content_type = "application/x-ndjson";
}

static void put_traffic(void *context, const struct http_request *request, struct http_response *response)
{
    struct sim_server *server = context;
    SCOPED(wire_parameters_release)
    struct wire_parameters *form = wire_parameters_parse(request->body, request->body_length);
    const char *stream = http_request_parameter(request, "stream");
    const char *load = NULL, *size = NULL, *keys = NULL;
    int64_t record_bytes = 1024;
    struct error err = {0};

    if (!is_up(server, response))
        return;
    if (form != NULL) {
        load = wire_parameters_find(form, "load");
        size = wire_parameters_find(form, "record_bytes");
        keys = wire_parameters_find(form, "keys");
    }
    sim_advance(server->sim, clock_now_ms(server->clock));
    if (load == NULL)
        (void)error_set(&err, ERROR_INPUT, "load is missing");
    else if (size != NULL && !number_parse(size, 1, INT64_MAX, &record_bytes))
        (void)error_set(&err, ERROR_INPUT, "record_bytes must be a number, not '%s'", size);
    else if (sim_set_traffic(server->sim, stream, load, record_bytes, keys == NULL ? "uniform" : keys,
                             &err) == 0)
        (void)buffer_add_text(&response->body, "ok\n", &err);
    if (err.kind == ERROR_NONE)
        return;
    response->status = err.kind == ERROR_NOT_FOUND ? 404 : 400;
    (void)buffer_printf(&response->body, &err, "%s\n", err.message);
}

static const struct route routes[] = {
    {"POST", "/", AWS_BODY_MAX, answer_aws},
    {"GET", "/", 0, answer_aws},
    {"GET", "/{certificate}", 0, answer_aws},
    {"GET", "/sim/state", 0, get_state},
    {"GET", "/sim/requests", 0, get_requests},
    {"PUT", "/sim/traffic/{stream}", TRAFFIC_BODY_MAX, put_traffic},
};

/* ---- time */

/* How long the pump may rest: until the model's next event, but not longer than PUMP_MS. */
static int64_t pause_ms(struct sim_server *server, int64_t now_ms)
{
    int64_t event_ms = sim_next_event_ms(server->sim);
    int64_t wait_ms;

    if (event_ms == INT64_MAX)
        return PUMP_MS;
    wait_ms = event_ms <= now_ms ? 0 : clock_real_ms(server->clock, event_ms - now_ms);
    return wait_ms < 1 ? 1 : wait_ms > PUMP_MS ? PUMP_MS : wait_ms;
}

static void *pump(void *context)
{
    struct sim_server *server = context;

    must_not_fail(pthread_mutex_lock(&server->lock));
    while (!server->stopping) {
        int64_t now_ms = clock_now_ms(server->clock);
        struct timespec until;
        int64_t end_ns;

        sim_advance(server->sim, now_ms);
        couriers_wake(server->couriers);
        end_ns = clock_monotonic_ns() + pause_ms(server, now_ms) * 1000000;
        until = (struct timespec){end_ns / 1000000000, end_ns % 1000000000};
        (void)pthread_cond_timedwait(&server->stop, &server->lock, &until);
    }
    must_not_fail(pthread_mutex_unlock(&server->lock));
    return NULL;
}

/* ---- start and stop */

/* Whoever can send a request here can make us call any URL and read trace files: this machine only. */
static int check_loopback(const char *listen, char *host, size_t size, struct error *err)
{
    uint16_t port;

    if (http_address_parse(listen, host, size, &port, err) < 0)
        return -1;
    if (!text_starts_with(host, "127.") && strcmp(host, "::1") != 0 && strcmp(host, "localhost") != 0)
        return error_set(err, ERROR_CONFIG, "the simulated AWS listens on a loopback address only, not '%s'",
                         host);
    return 0;
}

static void init_locks(struct sim_server *server)
{
    pthread_condattr_t attributes;

    must_not_fail(pthread_mutex_init(&server->starting, NULL));
    must_not_fail(pthread_mutex_init(&server->lock, NULL));
    must_not_fail(pthread_condattr_init(&attributes));
    must_not_fail(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must_not_fail(pthread_cond_init(&server->stop, &attributes));
    must_not_fail(pthread_condattr_destroy(&attributes));
}

static int listen_on(struct sim_server *server, const char *address, const char *host, struct error *err)
{
    const struct http_server_options options = {
        .listen = address,
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .context = server,
    };
    bool is_ipv6 = strchr(host, ':') != NULL;

    if (http_server_start(&options, &server->http, err) < 0)
        return -1;
    snprintf(server->url, sizeof(server->url), "http://%s%s%s:%d", is_ipv6 ? "[" : "", host,
             is_ipv6 ? "]" : "", http_server_port(server->http));
    return 0;
}

/* What a scene describes has been there for a while: its streams are ACTIVE when the first request comes. */
static int make_model(struct sim_server *server, const struct sim_server_options *options, struct error *err)
{
    struct sim_options sim = options->sim;
    int64_t now_ms = clock_now_ms(options->clock);
    int64_t create_ms = sim.create_ms == 0 ? CREATE_MS : sim.create_ms;

    if (sim.public_url == NULL)
        sim.public_url = server->url;
    sim.start_ms = options->scene == NULL ? now_ms : now_ms - create_ms;
    server->sim = sim_new(&sim);
    model_lock(server->sim);
    wire_of(server->sim)->lenient = options->lenient;
    model_unlock(server->sim);
    if (options->scene != NULL && sim_scene_load(server->sim, options->scene, err) < 0)
        return -1;
    sim_advance(server->sim, now_ms);
    return 0;
}

/* Everything that requests need; they wait for it. */
static int make_all(struct sim_server *server, const struct sim_server_options *options, struct error *err)
{
    char host[256];
    int result;

    if (check_loopback(options->listen, host, sizeof(host), err) < 0)
        return -1;
    must_not_fail(pthread_mutex_lock(&server->starting));
    result = listen_on(server, options->listen, host, err);
    if (result == 0)
        result = make_model(server, options, err);
    if (result == 0)
        server->couriers = couriers_start(server->sim, options->accept_any_certificate);
    must_not_fail(pthread_mutex_unlock(&server->starting));
    return result;
}

int sim_server_start(const struct sim_server_options *options, struct sim_server **ret_server,
                     struct error *err)
{
    struct sim_server *server = must_calloc(1, sizeof(*server));

    server->clock = options->clock;
    init_locks(server);
    if (make_all(server, options, err) < 0) {
        sim_server_stop(server);
        return -1;
    }
    must_not_fail(pthread_create(&server->pump, NULL, pump, server));
    server->pumping = true;
    *ret_server = server;
    return 0;
}

struct sim *sim_server_sim(struct sim_server *server)
{
    return server->sim;
}

int sim_server_port(const struct sim_server *server)
{
    return http_server_port(server->http);
}

void sim_server_stop(struct sim_server *server)
{
    if (server == NULL)
        return;
    must_not_fail(pthread_mutex_lock(&server->lock));
    server->stopping = true;
    must_not_fail(pthread_cond_signal(&server->stop));
    must_not_fail(pthread_mutex_unlock(&server->lock));
    if (server->pumping)
        must_not_fail(pthread_join(server->pump, NULL));
    http_server_stop(server->http);
    couriers_stop(server->couriers);
    sim_free(server->sim);
    must_not_fail(pthread_cond_destroy(&server->stop));
    must_not_fail(pthread_mutex_destroy(&server->lock));
    must_not_fail(pthread_mutex_destroy(&server->starting));
    free(server);
}
