/*
 * view.c - rows of the store as JSON objects.
 */
#include "daemon/view.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/adaptive.h"
#include "store/actions.h"
#include "store/decisions.h"
#include "store/minutes.h"
#include "store/notifications.h"
#include "store/streams.h"

/* Of a stream, however few rows they become. */
enum { ACTIONS_READ_MAX = 1000 };

static void add_text(cJSON *object, const char *name, const char *text)
{
    (void)cJSON_AddStringToObject(object, name, text);
}

static void add_number(cJSON *object, const char *name, double value)
{
    (void)cJSON_AddNumberToObject(object, name, value);
}

/* null when it never happened */
static void add_time(cJSON *object, const char *name, int64_t ms)
{
    char text[DATE_SIZE];

    if (ms <= 0 || ms == INT64_MAX) {
        (void)cJSON_AddNullToObject(object, name);
        return;
    }
    date_format_seconds(ms, text);
    add_text(object, name, text);
}

/* null when no plan of the last time found one: an alarm that stands makes a plan after every cooldown. */
static void add_hot_key(cJSON *object, const struct stream_state *state, int64_t cooldown_ms, int64_t now_ms)
{
    char start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE];
    cJSON *hot;

    if (!stream_has_hot_key(state, cooldown_ms, now_ms)) {
        (void)cJSON_AddNullToObject(object, "hot_key");
        return;
    }
    hashkey_format(state->hot_start, start);
    hashkey_format(state->hot_end, end);
    hot = cJSON_AddObjectToObject(object, "hot_key");
    add_text(hot, "shard", state->hot_shard);
    add_text(hot, "starting_hash_key", start);
    add_text(hot, "ending_hash_key", end);
    add_time(hot, "seen", state->hot_ms);
}

static const char *activity(const struct stream_state *state, bool running, const struct action *action,
                            int64_t now_ms)
{
    if (running)
        return action_state_name(action->state);
    if (now_ms < state->paused_until_ms)
        return "paused";
    if (state->failures > 0)
        return "failing";
    if (state->seen_ms == 0)
        return "unseen"; /* no look has succeeded yet */
    return now_ms < state->cooldown_until_ms ? "cooldown" : "idle";
}

/* null where the policy is classic. */
static int add_habits(struct store *store, const struct stream_config *config, int64_t now_ms, cJSON *object,
                      struct error *err)
{
    struct adaptive_habits habits = adaptive_default_habits(config);
    struct skew skew = {0};
    int64_t learned_ms;
    cJSON *row;

    if (config->policy != POLICY_ADAPTIVE) {
        (void)cJSON_AddNullToObject(object, "habits");
        return 0;
    }
    if (store_habits_load(store, config->name, &habits, &learned_ms, err) < 0 ||
        (skew_applies(config) && store_skew_load(store, config->name, &skew, err) < 0))
        return -1;
    row = cJSON_AddObjectToObject(object, "habits");
    add_number(row, "hold_minutes", (double)habits.hold_minutes);
    add_number(row, "line", skew_line(&skew, habits.line, now_ms));
    (void)cJSON_AddBoolToObject(row, "hot_keys", skew_is_hot(&skew, now_ms));
    add_text(row, "rhythm", rhythm_name(habits.rhythm));
    add_time(row, "learned", habits.learned ? learned_ms : 0);
    return 0;
}

/* A view may also come from a database that failed in between: nothing half true is shown. */
static cJSON *stream_object(struct store *store, const struct stream_config *config, int64_t now_ms,
                            struct error *err)
{
    struct stream_state state;
    struct action action;
    bool running;
    cJSON *object;

    if (store_stream_load(store, config->name, &state, err) < 0 ||
        store_action_current(store, config->name, &action, &running, err) < 0)
        return NULL;
    object = cJSON_CreateObject();
    add_text(object, "stream", config->name);
    add_text(object, "state", activity(&state, running, &action, now_ms));
    add_number(object, "open_shards", (double)state.open_shards);
    add_number(object, "effective_shards", state.effective_shards);
    add_number(object, "min_shards", (double)config->min_shards);
    add_number(object, "max_shards", (double)config->max_shards);
    add_text(object, "policy", config_policy_name(config));
    add_time(object, "seen", state.seen_ms);
    add_time(object, "due", state.due_ms);
    add_time(object, "cooldown_until", now_ms < state.cooldown_until_ms ? state.cooldown_until_ms : 0);
    (void)cJSON_AddBoolToObject(object, "paused", now_ms < state.paused_until_ms);
    add_time(object, "paused_until", now_ms < state.paused_until_ms ? state.paused_until_ms : 0);
    add_hot_key(object, &state, config->cooldown_ms, now_ms);
    add_text(object, "locked_by", state.lock_until_ms > now_ms ? state.lock_owner : "");
    add_time(object, "last_scale_up", state.last_scale_up_ms);
    add_time(object, "last_scale_down", state.last_scale_down_ms);
    add_number(object, "failures", state.failures);
    add_text(object, "last_error", state.last_error);
    add_time(object, "last_error_at", state.last_error[0] != '\0' ? state.last_error_ms : 0);
    if (running)
        add_number(object, "action", (double)action.id);
    return object;
}

static int add_last_decision(struct store *store, const char *stream, cJSON *object, struct error *err)
{
    struct decision_list decisions = {0};

    if (store_decisions_recent(store, stream, 1, &decisions, err) < 0)
        return -1;
    if (decisions.count > 0) {
        add_text(object, "last_decision", decisions.items[0].reason);
        add_text(object, "last_verdict", decisions.items[0].verdict);
        add_time(object, "last_decision_at", decisions.items[0].at_ms);
    }
    decision_list_clear(&decisions);
    return 0;
}

cJSON *view_status(struct store *store, const struct config *config, int64_t now_ms, struct error *err)
{
    cJSON *whole = cJSON_CreateObject();
    cJSON *streams = cJSON_AddArrayToObject(whole, "streams");

    add_time(whole, "at", now_ms);
    for (size_t i = 0; i < config->stream_count; i++) {
        cJSON *object = stream_object(store, &config->streams[i], now_ms, err);

        if (object == NULL || add_last_decision(store, config->streams[i].name, object, err) < 0) {
            cJSON_Delete(object);
            cJSON_Delete(whole);
            return NULL;
        }
        (void)cJSON_AddItemToArray(streams, object);
    }
    return whole;
}

static int add_steps(struct store *store, int64_t action_id, cJSON *object, struct error *err)
{
    struct step_list_stored steps = {0};
    cJSON *array;

    if (store_steps(store, action_id, &steps, err) < 0)
        return -1;
    array = cJSON_AddArrayToObject(object, "steps");
    for (size_t i = 0; i < steps.count; i++) {
        const struct step *step = &steps.items[i];
        char key[HASHKEY_TEXT_SIZE];
        cJSON *row = cJSON_CreateObject();

        add_text(row, "operation", operation_kind_name(step->operation.kind));
        if (step->operation.kind == OPERATION_UPDATE) {
            add_number(row, "target", (double)step->operation.target);
        } else {
            add_text(row, "shard", step->operation.shard);
        }
        if (step->operation.kind == OPERATION_SPLIT) {
            hashkey_format(step->operation.new_start, key);
            add_text(row, "new_starting_hash_key", key);
        }
        if (step->operation.kind == OPERATION_MERGE)
            add_text(row, "adjacent_shard", step->operation.adjacent);
        add_text(row, "outcome", step_outcome_name(step->outcome));
        add_time(row, "intended", step->intended_ms);
        add_time(row, "active", step->active_ms);
        add_text(row, "detail", step->detail);
        (void)cJSON_AddItemToArray(array, row);
    }
    step_list_stored_clear(&steps);
    return 0;
}

/* An alarm for which nothing could be done, or need be: what AWS refused failed for another reason than it began for. */
static bool changed_nothing(const struct action *action)
{
    return action->kind == ACTION_SCALE_UP && action->state == ACTION_DONE &&
           action->from_shards == action->to_shards &&
           (action->failure[0] == '\0' || text_equal(action->failure, action->reason));
}

static cJSON *action_object(const struct action *action)
{
    cJSON *row = cJSON_CreateObject();

    add_number(row, "id", (double)action->id);
    add_text(row, "kind", action_kind_name(action->kind));
    add_text(row, "state", action_state_name(action->state));
    add_number(row, "rule", action->rule);
    add_time(row, "started", action->started_ms);
    add_time(row, "ended", action->ended_ms);
    add_number(row, "from_shards", (double)action->from_shards);
    add_number(row, "to_shards", (double)action->to_shards);
    add_text(row, "reason", action->reason);
    add_text(row, "failure", action->failure);
    return row;
}

/*
 * Newest first.  An alarm that stands, at max_shards or over a hot key, comes to nothing after every cooldown: of a row
 * of those the newest stands for all, so that what did change shards is still to be seen.
 */
static int add_actions(struct store *store, const char *stream, int limit, cJSON *object, struct error *err)
{
    struct action_list actions = {0};
    cJSON *array = cJSON_AddArrayToObject(object, "actions");
    int result = 0, rows = 0;

    if (store_actions_recent(store, stream, ACTIONS_READ_MAX, &actions, err) < 0)
        return -1;
    for (size_t i = 0; i < actions.count && rows < limit && result == 0; rows++) {
        cJSON *row = action_object(&actions.items[i]);
        size_t first = i;

        while (changed_nothing(&actions.items[i]) && first + 1 < actions.count &&
               changed_nothing(&actions.items[first + 1]))
            first++;
        add_number(row, "times", (double)(first + 1 - i));
        add_time(row, "first_started", actions.items[first].started_ms);
        result = add_steps(store, actions.items[i].id, row, err);
        (void)cJSON_AddItemToArray(array, row);
        i = first + 1;
    }
    action_list_clear(&actions);
    return result;
}

static int add_decisions(struct store *store, const char *stream, int limit, cJSON *object, struct error *err)
{
    struct decision_list decisions = {0};
    cJSON *array;

    if (store_decisions_recent(store, stream, limit, &decisions, err) < 0)
        return -1;
    array = cJSON_AddArrayToObject(object, "decisions");
    for (size_t i = 0; i < decisions.count; i++) {
        const struct decision *decision = &decisions.items[i];
        cJSON *row = cJSON_CreateObject();
        cJSON *inputs = cJSON_Parse(decision->inputs);

        add_time(row, "at", decision->at_ms);
        add_number(row, "action", (double)decision->action_id);
        add_text(row, "verdict", decision->verdict);
        add_text(row, "reason", decision->reason);
        (void)cJSON_AddItemToObject(row, "inputs", inputs != NULL ? inputs : cJSON_CreateNull());
        (void)cJSON_AddItemToArray(array, row);
    }
    decision_list_clear(&decisions);
    return 0;
}

cJSON *view_notification(const struct notification *n)
{
    cJSON *row = cJSON_CreateObject();

    add_number(row, "id", (double)n->id);
    add_text(row, "message_id", n->message_id);
    add_text(row, "alarm", n->alarm_name);
    add_text(row, "stream", n->stream);
    add_text(row, "metric", n->metric);
    add_text(row, "shard", n->shard);
    add_text(row, "new_state", n->new_state);
    add_time(row, "changed", n->changed_ms);
    add_time(row, "received", n->received_ms);
    add_text(row, "status", notification_status_name(n->status));
    add_number(row, "attempts", n->attempts);
    add_text(row, "reason", n->reason);
    add_number(row, "action", (double)n->action_id);
    if (n->body != NULL)
        add_text(row, "body", n->body);
    return row;
}

static int add_notifications(struct store *store, const char *stream, int limit, cJSON *object,
                             struct error *err)
{
    struct notification_list list = {0};
    cJSON *array;

    if (store_notifications_recent(store, stream, -1, limit, &list, err) < 0)
        return -1;
    array = cJSON_AddArrayToObject(object, "notifications");
    for (size_t i = 0; i < list.count; i++)
        (void)cJSON_AddItemToArray(array, view_notification(&list.items[i]));
    notification_list_clear(&list);
    return 0;
}

cJSON *view_stream(struct store *store, const struct config *config, const char *stream, int64_t now_ms,
                   int limit, struct error *err)
{
    struct stream_config room;
    const struct stream_config *found = config_resolve(config, stream, &room);
    cJSON *object;

    if (found == NULL) {
        (void)error_set(err, ERROR_NOT_FOUND, "stream '%s' is not configured", stream);
        return NULL;
    }
    object = stream_object(store, found, now_ms, err);
    if (object != NULL && add_habits(store, found, now_ms, object, err) == 0 &&
        add_actions(store, stream, limit, object, err) == 0 &&
        add_decisions(store, stream, limit, object, err) == 0 &&
        add_notifications(store, stream, limit, object, err) == 0)
        return object;
    cJSON_Delete(object);
    return NULL;
}
