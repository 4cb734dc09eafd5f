/*
 * inprocess.c - the real engine on the simulated AWS, in virtual time.
 */
#include "cli/inprocess.h"

#include "aws/sns.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/config.h"
#include "store/streams.h"

#include <cjson/cJSON.h>

enum { PASS_EVERY_MS = 60 * 60 * 1000, TURNS_AT_ONCE_MAX = 1000 };

/* ---- the transport */

struct wire {
    const struct aws_request *request;
    char authorization[512];
};

static const char *wire_header(const struct sim_request *request, const char *name)
{
    const struct wire *wire = request->context;

    if (strcasecmp(name, "authorization") == 0)
        return wire->authorization;
    if (strcasecmp(name, "x-amz-date") == 0)
        return "20260302T000000Z"; /* signatures are not checked in here */
    if (strcasecmp(name, "host") == 0)
        return "inprocess";
    for (size_t i = 0; i < REQUEST_HEADERS_MAX && wire->request->headers[i].name != NULL; i++) {
        if (strcasecmp(wire->request->headers[i].name, name) == 0)
            return wire->request->headers[i].value;
    }
    return NULL;
}

static int send_to_sim(struct transport *self, const struct aws_request *request,
                       struct aws_answer *ret_answer, struct error *err)
{
    struct sim_transport *transport = (struct sim_transport *)self;
    struct wire wire = {.request = request};
    struct sim_request sim_request = {.method = request->method,
                                      .path = "/",
                                      .query = "",
                                      .body = request->body != NULL ? request->body : "",
                                      .body_length = request->body_length,
                                      .header = wire_header,
                                      .context = &wire};
    struct sim_response response = {0};

    (void)err; /* an answer always comes */
    snprintf(wire.authorization, sizeof(wire.authorization),
             "AWS4-HMAC-SHA256 Credential=" SIM_ACCESS_KEY_ID "/20260302/%s/%s/aws4_request, "
             "SignedHeaders=content-type;host;x-amz-date, Signature=%064d",
             request->signing_region, request->signing_service, 0);
    sim_advance(transport->sim, clock_now_ms(transport->clock));
    sim_answer(transport->sim, &sim_request, &response);
    ret_answer->status = response.status;
    ret_answer->body = response.body;
    (void)text_copy(ret_answer->error_type, sizeof(ret_answer->error_type), response.error_type);
    ret_answer->retry_after_ms = -1;
    return 0;
}

void sim_transport_init(struct sim_transport *transport, struct sim *sim, struct clock *clock)
{
    *transport = (struct sim_transport){.transport = {.send = send_to_sim}, .sim = sim, .clock = clock};
}

void aws_request_operation(const struct aws_request *request, char *operation, size_t size)
{
    const char *found;

    for (size_t i = 0; i < REQUEST_HEADERS_MAX && request->headers[i].name != NULL; i++) {
        if (strcasecmp(request->headers[i].name, "x-amz-target") == 0) {
            (void)text_copy(operation, size, strrchr(request->headers[i].value, '.') + 1);
            return;
        }
    }
    found = request->body != NULL ? strstr(request->body, "Action=") : NULL;
    if (found == NULL)
        (void)text_copy(operation, size, "?");
    else
        snprintf(operation, size, "%.*s", (int)strcspn(found + 7, "&"), found + 7);
}

const char *inprocess_getenv(const char *name)
{
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return SIM_ACCESS_KEY_ID;
    if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0)
        return SIM_SECRET_ACCESS_KEY;
    return NULL;
}

/* ---- time */

static void free_json(cJSON **json)
{
    cJSON_Delete(*json);
}

/* *ret_new: it became a row. */
static int hand_over(struct inprocess *world, const struct sim_delivery *delivery, bool *ret_new,
                     struct error *err)
{
    SCOPED(free_json) cJSON *body = cJSON_Parse(delivery->body);
    const char *topic = cJSON_GetStringValue(cJSON_GetObjectItem(body, "TopicArn"));
    struct notification notification;
    enum taken taken;
    char arn[512];

    if (strcmp(delivery->message_type, "SubscriptionConfirmation") == 0)
        return sns_confirm_subscription(world->aws, topic,
                                        cJSON_GetStringValue(cJSON_GetObjectItem(body, "Token")), arn,
                                        sizeof(arn), err);
    if (engine_take(world->engine, world->store, delivery->message_id, topic,
                    cJSON_GetStringValue(cJSON_GetObjectItem(body, "Message")), &notification, &taken,
                    err) < 0)
        return -1;
    *ret_new = taken != TAKEN_REPEATED;
    return 0;
}

static bool is_stopped(const struct inprocess *world)
{
    return world->stopped != NULL && *world->stopped;
}

/* What could not be taken is answered 503, as the daemon does: SNS brings it again. */
static void deliver(struct inprocess *world)
{
    struct sim_delivery delivery;

    while (!is_stopped(world) && sim_take_delivery(world->sim, &delivery)) {
        struct error failure;
        bool is_new = false;
        bool failed = !world->deaf && hand_over(world, &delivery, &is_new, &failure) < 0;
        bool silent = world->deaf || is_stopped(world);

        world->failed_turns += failed;
        world->taken += is_new && !silent;
        sim_delivery_result(world->sim, delivery.id, silent ? 0 : failed ? 503 : 200);
        sim_delivery_clear(&delivery);
    }
}

/* *ret_next_ms: when something is due next. */
static int turns(struct inprocess *world, int64_t *ret_next_ms, struct error *err)
{
    char stream[STREAM_NAME_SIZE] = "";
    struct error failure = {0};

    for (int rounds = 0; rounds < TURNS_AT_ONCE_MAX && !is_stopped(world); rounds++) {
        struct stream_state_list due = {0};

        if (store_streams_due(world->store, world->clock->ms, 1, &due, ret_next_ms, err) < 0)
            return -1;
        if (due.count == 0)
            return 0;
        (void)text_copy(stream, sizeof(stream), due.items[0].stream);
        failure = (struct error){0};
        world->failed_turns += engine_turn(world->engine, world->store, stream, &failure) < 0;
        stream_state_list_clear(&due);
    }
    return is_stopped(world)
               ? 0
               : error_set(err, ERROR_BUG, "the engine makes stream '%s' due for ever (%s)", stream,
                           failure.message[0] != '\0' ? failure.message : "without a failure");
}

static void scale_down(struct inprocess *world)
{
    struct config *config = engine_config(world->engine);
    struct pass_row *rows = must_calloc(config->stream_count, sizeof(*rows));
    struct pass_options options = {0};
    struct error failure;

    for (size_t i = 0; i < config->stream_count; i++)
        rows[i].stream = config->streams[i].name;
    world->failed_turns +=
        engine_scale_down(world->engine, world->store, &options, rows, config->stream_count, &failure) < 0;
    for (size_t i = 0; i < config->stream_count; i++)
        down_plan_clear(&rows[i].plan);
    free(rows);
    config_free(config);
}

/* What a daemon does by the clock; true when it did something, which may have made a stream due. */
static bool by_the_clock(struct inprocess *world)
{
    struct error failure;

    if (world->clock->ms >= world->reconcile_at_ms) {
        world->failed_turns += engine_reconcile(world->engine, world->store, &failure) < 0;
        world->reconcile_at_ms = world->clock->ms + world->reconcile_every_ms;
        return true;
    }
    if (world->clock->ms >= world->pass_at_ms) {
        scale_down(world);
        world->pass_at_ms = world->clock->ms + PASS_EVERY_MS;
        return true;
    }
    return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int inprocess_run(struct inprocess *world, int64_t until_ms, struct error *err)
{
    while (world->clock->ms < until_ms && !is_stopped(world)) {
        int64_t next_ms = INT64_MAX;

        sim_advance(world->sim, world->clock->ms);
        deliver(world);
        if (turns(world, &next_ms, err) < 0)
            return -1;
        if (by_the_clock(world))
            continue;
        next_ms = earlier(earlier(next_ms, sim_next_event_ms(world->sim)),
                          earlier(earlier(world->reconcile_at_ms, world->pass_at_ms), until_ms));
        world->clock->ms = next_ms > world->clock->ms ? next_ms : world->clock->ms + 1;
    }
    sim_advance(world->sim, world->clock->ms);
    return 0;
}
