/*
 * give_back.c - what a give-back of the policy `adaptive` waits for.
 *
 * It is no emergency: after an action it waits for the cooldown, after one that AWS refused for longer and longer, and
 * always for consumers.  More shards wait for none of this.
 */
#include "down.h"

#include "base/date.h"
#include "base/memory.h"

#include <math.h>

enum { MINUTE_MS = 60 * 1000, ACTIONS_READ = 16 };

/* After the first, second, and every further one in a row that AWS refused before a single shard was given back. */
static const int64_t refused_delay_ms[] = {5 * MINUTE_MS, 15 * MINUTE_MS, 60 * MINUTE_MS};

/* Did AWS refuse a call of it for good, and are the shards no fewer? */
static int came_to_nothing(struct store *store, const struct action *action, bool *ret_nothing,
                           struct error *err)
{
    struct step last;
    bool found;

    *ret_nothing = false;
    if (action->kind != ACTION_SCALE_DOWN || !adapt_began(action) || action->to_shards < action->from_shards)
        return 0;
    if (store_step_last(store, action->id, &last, &found, err) < 0)
        return -1;
    *ret_nothing = found && last.outcome == STEP_REFUSED;
    return 0;
}

/* Until when the next one waits, and what AWS said; *ret_until_ms is 0 when the last one was not refused. */
static int look_refused(struct turn *turn, int64_t *ret_until_ms, char *failure, size_t size,
                        struct error *err)
{
    SCOPED(action_list_clear) struct action_list list = {0};
    int64_t ended_ms = 0;
    size_t times = 0;
    bool nothing = true;

    *ret_until_ms = 0;
    if (store_actions_recent(turn->store, turn->config->name, ACTIONS_READ, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count && nothing && times < COUNT_OF(refused_delay_ms); i++) {
        const struct action *action = &list.items[i];

        if (action->kind == ACTION_REPAIR)
            continue;
        if (came_to_nothing(turn->store, action, &nothing, err) < 0)
            return -1;
        if (nothing && times++ == 0) {
            ended_ms = action->ended_ms;
            snprintf(failure, size, "%s", action->failure);
        }
    }
    if (times > 0 && ended_ms <= turn->now_ms) /* else by a clock that was ahead */
        *ret_until_ms = ended_ms + refused_delay_ms[times - 1];
    return 0;
}

/* Do consumers still read what was written before the last reshard? */
static int look_drained(struct turn *turn, bool *ret_drained, char *reason, size_t size, struct error *err)
{
    struct metric_query query = {.metric = "GetRecords.IteratorAgeMilliseconds",
                                 .stream = turn->config->name,
                                 .statistic = "Maximum",
                                 .period_s = MINUTE_MS / 1000};
    struct down_subject subject = {.config = turn->config, .iterator_age_ms = NAN};
    struct metric_answer answer = {0};
    int64_t end_ms = turn->now_ms / MINUTE_MS * MINUTE_MS;

    if (cloudwatch_metrics(turn->engine->aws, &query, 1, end_ms - LOOK_BACK_MS, end_ms, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < answer.series[0].count; i++)
        subject.iterator_age_ms = fmax(subject.iterator_age_ms, answer.series[0].values[i]);
    metric_answer_clear(&answer);
    *ret_drained = down_is_drained(&subject, &turn->state, turn->now_ms, reason, size);
    return 0;
}

int give_back_look(struct turn *turn, bool *ret_waits, char *reason, size_t size, struct error *err)
{
    int64_t rest_until_ms = stream_last_reshard_ms(&turn->state) + turn->config->cooldown_ms;
    int64_t refused_until_ms;
    char failure[sizeof(turn->action.failure)], at[DATE_SIZE];
    bool drained = true;

    *ret_waits = true;
    if (turn->now_ms < rest_until_ms) {
        snprintf(reason, size, "nothing is given back within the cooldown, for another %lld s",
                 (long long)(rest_until_ms - turn->now_ms + 999) / 1000);
        return 0;
    }
    if (look_refused(turn, &refused_until_ms, failure, sizeof(failure), err) < 0)
        return -1;
    if (turn->now_ms < refused_until_ms) {
        date_format_seconds(refused_until_ms, at);
        snprintf(reason, size, "AWS refused to give shards back; the next try is at %s: %s", at, failure);
        return 0;
    }
    if (look_drained(turn, &drained, reason, size, err) < 0)
        return -1;
    *ret_waits = !drained;
    return 0;
}
