/*
 * record.c - every thought is stored with what it rested on.
 */
#include "turn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>

static double number(double value)
{
    return isfinite(value) ? value : 0;
}

static void inputs_text(char *text, size_t size, const struct up_facts *facts, const struct up_plan *plan)
{
    const struct demand *d = &facts->demand;

    snprintf(
        text, size,
        "{\"shards\":%zu,\"effective_shards\":%.6g,\"bytes_per_s\":%.0f,\"records_per_s\":%.1f,"
        "\"accepted_bytes_per_s\":%.0f,\"accepted_records_per_s\":%.1f,\"throttled_records_per_s\":%.1f,"
        "\"points\":%zu,\"shard_metrics\":%s,\"headroom\":%lld,\"updates_24h\":%d,\"goal\":%lld,"
        "\"basis\":\"%s\",\"limit\":\"%s\",\"to_shards\":%lld,\"operations\":%zu,\"utilization_now\":%.4f,"
        "\"utilization_after\":%.4f}",
        facts->shards->count, shard_map_effective(facts->shards), number(d->bytes_per_s),
        number(d->records_per_s), number(d->accepted_bytes_per_s), number(d->accepted_records_per_s),
        number(d->throttled_records_per_s), d->points, facts->shard_loads != NULL ? "true" : "false",
        (long long)facts->account_headroom, facts->updates_24h, (long long)facts->goal_shards,
        up_basis_name(plan->basis), up_limit_name(plan->limit), (long long)plan->to_shards,
        plan->operation_count, number(plan->utilization_now), number(plan->utilization_after));
}

void record_decision(struct turn *turn, const char *verdict, const char *reason, const struct up_facts *facts,
                     const struct up_plan *plan)
{
    struct decision decision = {.at_ms = turn->now_ms, .action_id = turn->running ? turn->action.id : 0};
    struct error err = {0};

    (void)text_copy(decision.stream, sizeof(decision.stream), turn->config->name);
    (void)text_copy(decision.verdict, sizeof(decision.verdict), verdict);
    (void)text_copy(decision.reason, sizeof(decision.reason), reason);
    (void)text_copy(decision.inputs, sizeof(decision.inputs), "{}");
    if (facts != NULL && plan != NULL)
        inputs_text(decision.inputs, sizeof(decision.inputs), facts, plan);
    LOG(LOG_INFO, "decision", {"stream", decision.stream}, {"verdict", verdict}, {"why", reason});
    /* The record is for people; the action itself does not hang on it. */
    if (store_decision_add(turn->store, &decision, &err) < 0)
        LOG(LOG_ERROR, "store-failed", {"stream", decision.stream}, {"error", err.message});
}

/* Was the last decision of this verdict? */
static bool find_last(struct turn *turn, const char *verdict, struct decision_list *ret_last)
{
    struct error err = {0};

    return store_decisions_recent(turn->store, turn->config->name, 1, ret_last, &err) == 0 &&
           ret_last->count > 0 && strcmp(ret_last->items[0].verdict, verdict) == 0;
}

void record_once(struct turn *turn, const char *verdict, const char *reason, size_t same)
{
    SCOPED(decision_list_clear) struct decision_list last = {0};

    if (!find_last(turn, verdict, &last) || strncmp(last.items[0].reason, reason, same) != 0)
        record_decision(turn, verdict, reason, NULL, NULL);
}

/* The same words up to the first colon that is not in brackets, whatever the numbers? */
static bool says_the_same(const char *one, const char *other)
{
    static const char digits[] = "0123456789.";
    int depth = 0;

    for (;; one++, other++) {
        one += strspn(one, digits);
        other += strspn(other, digits);
        if (*one != *other)
            return false;
        depth += (*one == '(') - (*one == ')');
        if (*one == '\0' || (*one == ':' && depth == 0))
            return true;
    }
}

void record_sentence(struct turn *turn, const char *verdict, const char *reason)
{
    SCOPED(decision_list_clear) struct decision_list last = {0};

    if (!find_last(turn, verdict, &last) || !says_the_same(last.items[0].reason, reason))
        record_decision(turn, verdict, reason, NULL, NULL);
}

void record_later(struct turn *turn, const char *reason)
{
    static const char later[] = "; later: ";
    char *text = turn->action.reason;
    const char *known = strstr(text, later);
    size_t length = known == NULL ? strlen(text) : (size_t)(known - text);

    snprintf(text + length, sizeof(turn->action.reason) - length, "%s%s", later, reason);
}
