/*
 * soak_check.c - what must be true all along, and what when nothing goes wrong any more.
 */
#include "soak.h"
#include "support.h"

#include "aws/kinesis.h"
#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"
#include "scaling/alarms.h"
#include "store/minutes.h"

#include <math.h>

enum {
    STUCK_MS =
        2 * HOUR_MS, /* nothing goes on for so long: no wait, and no pause between failures, is that long */
    SILENT_MS = HOUR_MS,
    LOOKED_AT_MS = 10 * MINUTE_MS,  /* so often everything is looked at, and mended */
    GIVES_BACK_MS = 20 * MINUTE_MS, /* as many operations as any of these streams may need */
};

static void free_json(cJSON **json)
{
    cJSON_Delete(*json);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return text != NULL ? text : "";
}

static struct soak_stream *find(struct soak *soak, const char *name)
{
    for (size_t i = 0; i < soak->stream_count; i++) {
        if (text_equal(soak->streams[i].name, name))
            return &soak->streams[i];
    }
    return NULL;
}

/* ---- at every resharding call that AWS took from the program */

/* As it was before the call: AWS shows the new shards when they are there. */
static void check_bounds(struct soak *soak, const struct soak_stream *stream, const char *operation,
                         int64_t target)
{
    int64_t min = stream->config->min_shards, max = stream->config->max_shards, open;
    struct sim_totals totals;
    struct error err = {0};

    if (sim_stream_totals(soak->world->sim, stream->name, &totals, &err) < 0)
        return;
    open = totals.open_shards;
    if (text_equal(operation, "SplitShard"))
        target = open + 1;
    else if (text_equal(operation, "MergeShards"))
        target = open - 1;
    if ((target > open && target > max) || (target < open && target < min))
        soak_broken(soak,
                    "day %d: %s: %s from %lld to %lld shards, outside %lld to %lld (action of kind %lld)",
                    soak->day, stream->name, operation, (long long)open, (long long)target, (long long)min,
                    (long long)max,
                    (long long)soak_ask(soak, "SELECT kind FROM actions WHERE stream = ? AND state < 5",
                                        stream->name, 0));
}

/* The call stands in the database, open, and AWS has not carried out this step before. */
static void check_intent(struct soak *soak, struct soak_stream *stream, const char *operation,
                         const cJSON *body)
{
    const char *shard = text_of(body, text_equal(operation, "SplitShard") ? "ShardToSplit" : "ShardToMerge");
    int64_t step = soak_ask(soak, "SELECT coalesce(max(id), 0) FROM steps WHERE stream = ? AND outcome = 0",
                            stream->name, 0);
    int64_t open =
        soak_ask(soak, "SELECT count(*) FROM steps WHERE stream = ? AND outcome = 0", stream->name, 0);
    int64_t same = soak_ask(soak, "SELECT count(*) FROM steps WHERE shard = ? AND id = ?", shard, step);

    if (open != 1)
        soak_broken(soak, "%s: %s with %lld open steps in the database", stream->name, operation,
                    (long long)open);
    else if (step <= stream->last_step)
        soak_broken(soak, "%s: %s, step %lld, was executed before", stream->name, operation, (long long)step);
    else if (same != 1 && shard[0] != '\0')
        soak_broken(soak, "%s: %s of %s, which is not what step %lld says", stream->name, operation, shard,
                    (long long)step);
    stream->last_step = step;
}

void soak_watch(struct world *world, const struct aws_request *request, const char *operation)
{
    struct soak *soak = world->watcher;
    SCOPED(free_json) cJSON *body = NULL;
    struct soak_stream *stream;

    if (!text_equal(operation, "SplitShard") && !text_equal(operation, "MergeShards") &&
        !text_equal(operation, "UpdateShardCount"))
        return;
    body = cJSON_Parse(request->body);
    stream = find(soak, text_of(body, "StreamName"));
    ck_assert_ptr_nonnull(stream);
    soak->reshards++;
    check_bounds(soak, stream, operation,
                 (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(body, "TargetShardCount")));
    check_intent(soak, stream, operation, body);
}

/* ---- after every ten minutes */

void soak_check_slice(struct soak *soak, int64_t last_notification, size_t taken_before, bool restarted)
{
    int64_t now_ms = soak->world->clock.ms;
    int64_t taken = (int64_t)(soak->world->taken - taken_before);
    int64_t rows = soak_ask(
        soak, "SELECT count(*) FROM notifications WHERE id > ?1 AND message_id NOT LIKE 'reconcile:%'", NULL,
        last_notification == 0 ? -1 : last_notification);
    int64_t stuck = soak_ask(soak, "SELECT count(*) FROM actions WHERE state < 5 AND started_ms < ?1", NULL,
                             now_ms - 12 * (int64_t)HOUR_MS);
    int64_t overdue =
        soak_ask(soak, "SELECT count(*) FROM streams WHERE due_ms < ?1", NULL, now_ms - STUCK_MS);

    soak->messages += taken;
    /* Who dies between storing and answering is brought the same message again, and has it. */
    if (rows < taken || (rows > taken && !restarted))
        soak_broken(soak, "day %d: %lld messages were taken, %lld are in the database", soak->day,
                    (long long)taken, (long long)rows);
    if (stuck > 0)
        soak_broken(soak, "day %d: %lld actions have been running for 12 hours", soak->day, (long long)stuck);
    if (overdue > 0)
        soak_broken(soak, "day %d: %lld streams have been due for two hours", soak->day, (long long)overdue);
}

/* ---- alarms */

typedef void alarm_fn(struct soak *soak, const cJSON *alarm);

/* Of one state, or all for "". */
static void each_alarm(struct soak *soak, const char *state, alarm_fn *look)
{
    char token[700] = "";

    do {
        struct aws_answer answer;
        SCOPED(free_text)
        char *body =
            must_printf("{\"AlarmTypes\":[\"MetricAlarm\"]%s%s%s%s%s%s}",
                        state[0] != '\0' ? ",\"StateValue\":\"" : "", state, state[0] != '\0' ? "\"" : "",
                        token[0] != '\0' ? ",\"NextToken\":\"" : "", token, token[0] != '\0' ? "\"" : "");
        SCOPED(free_json) cJSON *page = NULL;
        const cJSON *alarm;
        int status;

        while ((status = world_ask(soak->world, "GraniteServiceVersion20100801.DescribeAlarms", body,
                                   &answer)) == 400) { /* too fast */
            aws_answer_clear(&answer);
            soak->world->clock.ms += 1000;
        }
        ck_assert_int_eq(status, 200);
        page = cJSON_Parse(buffer_text(&answer.body));
        aws_answer_clear(&answer);
        cJSON_ArrayForEach(alarm, cJSON_GetObjectItem(page, "MetricAlarms"))
            look(soak, alarm);
        snprintf(token, sizeof(token), "%s", text_of(page, "NextToken"));
    } while (token[0] != '\0');
}

static const char *dimension(const cJSON *alarm, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(alarm, "Dimensions")) {
        if (text_equal(text_of(item, "Name"), name))
            return text_of(item, "Value");
    }
    return "";
}

/* CloudWatch tells of a change and never again: an alarm that stands must have been thought about. */
static void must_be_heard(struct soak *soak, const cJSON *alarm)
{
    const struct soak_stream *stream = find(soak, dimension(alarm, "StreamName"));
    int64_t since_ms =
        (int64_t)(1000 * cJSON_GetNumberValue(cJSON_GetObjectItem(alarm, "StateTransitionedTimestamp")));
    int64_t before_ms = soak->world->clock.ms - SILENT_MS;

    if (stream->back_ms != 0 || stream->paused_ms > before_ms || since_ms > before_ms)
        return;
    if (soak_ask(soak, "SELECT count(*) FROM decisions WHERE stream = ? AND at_ms > ?", stream->name,
                 before_ms) == 0)
        soak_broken(soak, "day %d: %s has stood in ALARM for %lld min, and nobody thought about it",
                    soak->day, text_of(alarm, "AlarmName"),
                    (long long)(soak->world->clock.ms - since_ms) / MINUTE_MS);
}

void soak_check_alarms(struct soak *soak)
{
    each_alarm(soak, "ALARM", must_be_heard);
}

/* ---- when nothing went wrong for two hours */

/* Below its habits' line, as it refused records by uneven keys, which nobody has now. */
static bool has_skew(struct soak *soak, const char *stream)
{
    struct skew skew;
    struct error err = {0};

    if (store_skew_load(soak->world->store, stream, &skew, &err) < 0)
        ck_abort_msg("%s", err.message);
    return skew_too_full(&skew, soak->world->clock.ms) > 0;
}

/*
 * It has all the shards it may have, one of them is too full because somebody else left them uneven, or all are by what
 * was learned of uneven keys, and it says so: only the next pass, or the next days, make room.  Then its alarm fires
 * again after every cooldown, as it shall.
 */
static bool may_alarm(struct soak *soak, const char *stream)
{
    struct shard_map map = {0};
    bool full;

    world_shards(soak->world, stream, &map);
    full = (int64_t)map.count >= find(soak, stream)->config->max_shards &&
           (!shard_map_is_even(&map) || has_skew(soak, stream));
    shard_map_clear(&map);
    return full &&
           soak_ask(soak,
                    "SELECT verdict = 'limited' AND (reason LIKE '%but max_shards is %' OR reason LIKE"
                    " '%not allowed (max_shards)') FROM decisions WHERE stream = ? ORDER BY id DESC"
                    " LIMIT 1",
                    stream, 0) == 1;
}

static int64_t waiting(struct soak *soak)
{
    int64_t count = 0;

    for (size_t i = 0; i < soak->stream_count; i++) {
        if (!may_alarm(soak, soak->streams[i].name))
            count +=
                soak_ask(soak, "SELECT count(*) FROM notifications WHERE stream = ? AND status IN (0, 1)",
                         soak->streams[i].name, 0);
    }
    return count;
}

/* Alarms of the policy `adaptive` stand where its line is, once that is learned, or below what the stream does not bear;
 * NAN: since the last look at them. */
static double line_of(struct soak *soak, const struct stream_config *config)
{
    struct adaptive_habits habits = {.line = config->scale_up_threshold};
    int64_t now_ms = soak->world->clock.ms, learned_ms = 0;
    struct skew skew = {0};
    struct error err = {0};
    double line;

    if (config->policy == POLICY_ADAPTIVE &&
        (store_habits_load(soak->world->store, config->name, &habits, &learned_ms, &err) < 0 ||
         (skew_applies(config) && store_skew_load(soak->world->store, config->name, &skew, &err) < 0)))
        ck_abort_msg("%s", err.message);
    line = skew_line(&skew, habits.line, now_ms);
    if (now_ms - learned_ms < LOOKED_AT_MS || skew_line(&skew, habits.line, now_ms - LOOKED_AT_MS) != line)
        return NAN;
    return line;
}

/* The policy `adaptive` gives back when it likes, and what somebody else opened above max_shards goes as soon as the load
 * of the last hours lets it; alarms fit when that is over. */
static bool gives_back(struct soak *soak, const char *stream)
{
    const struct stream_config *config = find(soak, stream)->config;
    int64_t from =
        soak_ask(soak,
                 "SELECT from_shards FROM actions WHERE stream = ?1 AND state < 5 AND kind = 1 AND "
                 "started_ms > ?2",
                 stream, soak->world->clock.ms - GIVES_BACK_MS);

    return from > (config->policy == POLICY_ADAPTIVE ? 0 : config->max_shards);
}

static void must_be_armed(struct soak *soak, const cJSON *alarm)
{
    const char *name = text_of(alarm, "AlarmName"), *shard = dimension(alarm, "ShardId");
    struct soak_stream *stream = find(soak, dimension(alarm, "StreamName"));
    enum alarm_metric metric;
    struct stream_config config = *stream->config;
    struct shard_map map = {0};
    double wanted, stands = cJSON_GetNumberValue(cJSON_GetObjectItem(alarm, "Threshold"));

    if (gives_back(soak, stream->name))
        return;
    if (text_equal(text_of(alarm, "StateValue"), "ALARM") && !may_alarm(soak, stream->name))
        soak_broken(soak, "day %d: %s stands in ALARM", soak->day, name);
    ck_assert(alarm_metric_parse(text_of(alarm, "MetricName"), &metric));
    world_shards(soak->world, stream->name, &map);
    if (shard[0] != '\0' && shard_map_find(&map, shard) == NULL)
        soak_broken(soak, "day %d: %s watches a closed shard", soak->day, name);
    config.scale_up_threshold = line_of(soak, stream->config);
    wanted =
        alarm_threshold(&config, metric, 60, shard[0] != '\0' ? 1 : alarm_capacity(stream->config, &map));
    if (stands != wanted && !isnan(config.scale_up_threshold))
        soak_broken(soak, "day %d: %s has its threshold at %.0f, not %.0f", soak->day, name, stands, wanted);
    shard_map_clear(&map);
}

/* Somebody else opened more than it may have, and the load of the last hours needs them.  The policy `adaptive` says beside
 * it why it gives nothing back. */
static bool holds_above_maximum(struct soak *soak, const char *stream)
{
    return soak_ask(soak,
                    "SELECT max(reason LIKE '%are more than max_shards%') FROM (SELECT reason FROM decisions"
                    " WHERE stream = ? AND verdict = 'hold' ORDER BY id DESC LIMIT 2)",
                    stream, 0) == 1;
}

static void must_fit(struct soak *soak, const struct soak_stream *stream)
{
    struct shard_map map = {0};
    struct error err = {0};
    int64_t count;

    world_shards(soak->world, stream->name, &map);
    count = (int64_t)map.count;
    if (shard_map_check(&map, &err) < 0)
        soak_broken(soak, "day %d: %s: %s", soak->day, stream->name, err.message);
    if (count > stream->config->max_shards && holds_above_maximum(soak, stream->name))
        count = stream->config->max_shards;
    if (count < stream->config->min_shards || count > stream->config->max_shards)
        soak_broken(soak, "day %d: %s has %lld shards", soak->day, stream->name, (long long)count);
    shard_map_clear(&map);
}

#define LAST_ACTION(column) "SELECT " column " FROM actions WHERE stream = ? ORDER BY id DESC LIMIT 1"

static void must_rest(struct soak *soak, const char *stream)
{
    static const struct {
        const char *sql, *what;
    } none[] = {
        {"SELECT count(*) FROM actions WHERE stream = ? AND state < 5", "an action runs"},
        {"SELECT count(*) FROM steps WHERE stream = ? AND outcome = 0", "a step is open"},
        {"SELECT count(*) FROM streams WHERE stream = ? AND failures > 0", "its turns fail"},
        {"SELECT count(*) FROM streams WHERE stream = ? AND lock_owner <> ''", "it is locked"},
    };

    for (size_t i = 0; i < COUNT_OF(none); i++) {
        if (soak_ask(soak, none[i].sql, stream, 0) > 0)
            soak_broken(soak, "day %d: %s: %s; the last action is of kind %lld, from %lld shards", soak->day,
                        stream, none[i].what, (long long)soak_ask(soak, LAST_ACTION("kind"), stream, 0),
                        (long long)soak_ask(soak, LAST_ACTION("from_shards"), stream, 0));
    }
}

void soak_check_calm(struct soak *soak)
{
    if (waiting(soak) > 0)
        soak_broken(soak, "day %d: %lld notifications wait", soak->day, (long long)waiting(soak));
    for (size_t i = 0; i < soak->stream_count; i++) {
        if (!gives_back(soak, soak->streams[i].name))
            must_rest(soak, soak->streams[i].name);
        must_fit(soak, &soak->streams[i]);
    }
    each_alarm(soak, "", must_be_armed);
}
