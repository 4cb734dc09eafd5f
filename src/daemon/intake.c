/*
 * intake.c - POST /sns: verify, store, answer.  Nothing is decided about shards here.
 *
 * The answer tells SNS what to do: 2xx is final, 4xx is final too (forged or malformed), 5xx brings it back.
 *
 * DESIGN  The HTTP server's threads check what the body alone and a known certificate can tell, and never wait.  What is
 * genuine becomes a letter before the writer, who stores all that lie there in one transaction and answers after its
 * commit: the more come, the more share one wait for the disk.  What has to ask AWS first lies before another desk,
 * so that neither a certificate that does not come nor a confirmation keeps a notification waiting.
 */
#include "parts.h"

#include "aws/sns.h"
#include "base/log.h"
#include "base/memory.h"

enum {
    STORED_AT_ONCE = 256,
    WRITER_ROOM = 4096, /* more than there are connections */
    ERRANDS_ROOM = 32,
    LINES_AT_ONCE = 1000, /* about strangers; enough to see what they do */
    LINES_PER_S = 10,
};

static void answer(struct http_response *response, int status, const char *text)
{
    struct error err = {0};

    response->status = status;
    (void)buffer_printf(&response->body, &err, "%s\n", text); /* short: cannot reach the ceiling */
}

/* Who floods us must not fill the disk with it: may there be a line about a stranger's request? */
static bool may_log(struct intake_lines *lines)
{
    int64_t now_ns = clock_monotonic_ns(), unwritten = 0;
    bool may;

    pthread_mutex_lock(&lines->mutex);
    lines->left += (double)(now_ns - lines->since_ns) / 1e9 * LINES_PER_S;
    if (lines->left > LINES_AT_ONCE)
        lines->left = LINES_AT_ONCE;
    lines->since_ns = now_ns;
    may = lines->left >= 1;
    if (may) {
        lines->left -= 1;
        unwritten = lines->unwritten;
        lines->unwritten = 0;
    } else {
        lines->unwritten++;
    }
    pthread_mutex_unlock(&lines->mutex);
    if (unwritten > 0)
        LOG(LOG_WARN, "lines-left-out", {"count", .number = unwritten},
            {"why", "too many requests were refused to tell of each"});
    return may;
}

/* Our own trouble: SNS shall bring the message again. */
static void answer_trouble(struct daemon *daemon, struct http_response *response, const struct error *err)
{
    atomic_fetch_add(&daemon->intake.failed, 1);
    if (may_log(&daemon->lines))
        LOG(LOG_ERROR, "intake-failed", {"kind", error_kind_name(err->kind)}, {"error", err->message});
    answer(response, 503, "not taken, send it again");
}

/* Not found to be genuine. */
static void answer_stranger(struct daemon *daemon, const struct http_request *request,
                            struct http_response *response, const struct error *err)
{
    if (err->kind != ERROR_INPUT) {
        answer_trouble(daemon, response, err);
        return;
    }
    atomic_fetch_add(&daemon->intake.refused, 1);
    if (may_log(&daemon->lines))
        LOG(LOG_WARN, "notification-refused", {"bytes", .number = (int64_t)request->body_length},
            {"why", err->message});
    answer(response, 403, "refused");
}

static int verify(struct daemon *daemon, const struct http_request *request, bool *ret_unknown,
                  struct sns_message *ret_message, struct error *err)
{
    const char *raw = request->header(request, "x-amz-sns-rawdelivery");

    return sns_verify(daemon->verifier, request->body, request->body_length,
                      request->header(request, "x-amz-sns-message-type"),
                      raw != NULL && strcmp(raw, "true") == 0, ret_unknown, ret_message, err);
}

static void send_off(struct letter *letter)
{
    const struct http_request *request = letter->request;

    sns_message_clear(&letter->message);
    free(letter);
    http_answer(request);
}

static void lay_before(struct desk *desk, struct letter *letter)
{
    struct error err = {0};

    if (desk_put(desk, letter))
        return;
    (void)error_set(&err, ERROR_TRANSIENT, "%zu messages wait already", desk->room);
    answer_trouble(desk->daemon, letter->response, &err);
    send_off(letter);
}

static void note_unsubscribed(struct daemon *daemon, struct letter *letter)
{
    atomic_fetch_add(&daemon->intake.unsubscribed, 1);
    LOG(LOG_ERROR, "unsubscribed", {"topic", letter->message.topic_arn},
        {"why", "somebody ended our subscription: alarms of this topic no longer arrive"});
    answer(letter->response, 200, "noted");
    send_off(letter);
}

/* Who answers a letter that is genuine. */
static void pass_on(struct daemon *daemon, struct letter *letter)
{
    switch (letter->message.type) {
    case SNS_NOTIFICATION:
        lay_before(&daemon->writer, letter);
        break;
    case SNS_SUBSCRIPTION_CONFIRMATION:
        lay_before(&daemon->errands, letter);
        break;
    case SNS_UNSUBSCRIBE_CONFIRMATION:
        note_unsubscribed(daemon, letter);
        break;
    }
}

/* ---- the writer */

/* All are on the disk, or -1. */
static int store_all(struct daemon *daemon, struct store *store, struct letter *letters, struct error *err)
{
    SCOPED(store_rollback) struct store *transaction = NULL;

    if (store_begin(store, &transaction, err) < 0)
        return -1;
    for (struct letter *letter = letters; letter != NULL; letter = letter->next) {
        const struct sns_message *message = &letter->message;

        letter->failed =
            engine_take(daemon->engine, store, message->message_id, message->topic_arn, message->message,
                        &letter->notification, &letter->taken, &letter->err) < 0;
        if (letter->failed && letter->err.kind == ERROR_STORE) {
            *err = letter->err;
            return -1;
        }
    }
    return store_commit(&transaction, err);
}

static void answer_stored(struct daemon *daemon, struct letter *letter)
{
    static const char *const events[] = {[TAKEN_PENDING] = "notification",
                                         [TAKEN_IGNORED] = "notification-ignored",
                                         [TAKEN_REPEATED] = "notification-repeated"};
    atomic_uint_fast64_t *const counts[] = {[TAKEN_PENDING] = &daemon->intake.accepted,
                                            [TAKEN_IGNORED] = &daemon->intake.ignored,
                                            [TAKEN_REPEATED] = &daemon->intake.repeated};
    const struct notification *n = &letter->notification;

    atomic_fetch_add(counts[letter->taken], 1);
    LOG(LOG_INFO, events[letter->taken], {"stream", n->stream}, {"alarm", n->alarm_name},
        {"state", n->new_state}, {"message_id", n->message_id}, {"why", n->reason});
    answer(letter->response, 200, letter->taken == TAKEN_REPEATED ? "seen before" : "taken");
}

static void write_letters(struct daemon *daemon, struct letter *letters)
{
    struct error err = {0};
    struct store *store = stores_take(&daemon->stores, &err);
    bool stored = store != NULL && store_all(daemon, store, letters, &err) == 0;
    struct letter *next;
    bool pending = false;

    if (store != NULL)
        stores_give(&daemon->stores, store);
    if (stored)
        atomic_fetch_add(&daemon->intake.commits, 1);
    for (struct letter *letter = letters; letter != NULL; letter = next) {
        next = letter->next;
        if (stored && !letter->failed)
            answer_stored(daemon, letter);
        else
            answer_trouble(daemon, letter->response, stored ? &letter->err : &err);
        pending |= stored && !letter->failed && letter->taken == TAKEN_PENDING;
        send_off(letter);
    }
    if (pending)
        workers_wake(daemon->workers);
}

/* ---- errands */

static void confirm(struct daemon *daemon, struct letter *letter)
{
    const struct sns_message *message = &letter->message;
    char arn[512];
    struct error err = {0};

    if (sns_confirm_subscription(daemon->aws, message->topic_arn, message->token, arn, sizeof(arn), &err) <
        0) {
        (void)error_wrap(&err, "confirm subscription to '%s'", message->topic_arn);
        answer_trouble(daemon, letter->response, &err);
    } else {
        atomic_fetch_add(&daemon->intake.confirmed, 1);
        LOG(LOG_INFO, "subscription-confirmed", {"topic", message->topic_arn}, {"subscription", arn});
        answer(letter->response, 200, "confirmed");
    }
    send_off(letter);
}

static void run_errand(struct daemon *daemon, struct letter *letter)
{
    struct error err = {0};

    if (letter->genuine) {
        confirm(daemon, letter);
        return;
    }
    letter->genuine = verify(daemon, letter->request, NULL, &letter->message, &err) == 0;
    if (letter->genuine) {
        pass_on(daemon, letter);
    } else {
        answer_stranger(daemon, letter->request, letter->response, &err);
        send_off(letter);
    }
}

/* ---- the listener's side */

void intake_post(void *context, const struct http_request *request, struct http_response *response)
{
    struct daemon *daemon = context;
    struct sns_message message = {0};
    struct error err = {0};
    bool unknown = false;
    bool genuine = verify(daemon, request, &unknown, &message, &err) == 0;
    struct letter *letter;

    if (!genuine && !unknown) {
        answer_stranger(daemon, request, response, &err);
        return;
    }
    letter = must_calloc(1, sizeof(*letter));
    letter->request = request;
    letter->response = response;
    letter->genuine = genuine;
    letter->message = message;
    http_later(request);
    if (genuine)
        pass_on(daemon, letter);
    else
        lay_before(&daemon->errands, letter);
}

/* What the server answered for us: another path, another method, a body beyond the ceiling. */
void intake_refused(void *context, const struct http_request *request, int status)
{
    struct daemon *daemon = context;

    if (strcmp(request->path, "/sns") == 0)
        atomic_fetch_add(&daemon->intake.refused, 1);
    if (may_log(&daemon->lines))
        LOG(LOG_INFO, "request-refused", {"method", request->method}, {"path", request->path},
            {"status", .number = status});
}

int intake_open(struct daemon *daemon, struct error *err)
{
    daemon->lines.left = LINES_AT_ONCE;
    daemon->lines.since_ns = clock_monotonic_ns();
    (void)pthread_mutex_init(&daemon->lines.mutex, NULL);
    daemon->writer = (struct desk){
        .daemon = daemon, .work = write_letters, .at_once = STORED_AT_ONCE, .room = WRITER_ROOM};
    daemon->errands = (struct desk){.daemon = daemon, .work = run_errand, .at_once = 1, .room = ERRANDS_ROOM};
    return desk_open(&daemon->writer, err) < 0 ? -1 : desk_open(&daemon->errands, err);
}

void intake_close(struct daemon *daemon)
{
    desk_close(&daemon->errands); /* first: it passes letters on */
    desk_close(&daemon->writer);
}
