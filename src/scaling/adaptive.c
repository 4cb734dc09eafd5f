/*
 * adaptive.c - the rule, with what is known of the last day, and the decision in words.
 */
#include "adaptive_rule.h"

#include "base/text.h"
#include "wording.h"

#include <math.h>
#include <stdio.h>

/* The highest of the last `window` minutes; NAN when one is unknown. */
static double highest(const struct adaptive_facts *facts, size_t window)
{
    double most = 0;

    if (facts->minute_count < window)
        return NAN;
    for (size_t i = facts->minute_count - window; i < facts->minute_count; i++) {
        if (isnan(facts->minutes[i]))
            return NAN;
        most = fmax(most, facts->minutes[i]);
    }
    return most;
}

/* The newest known minute, unless it is too old to say anything. */
static double newest(const struct adaptive_facts *facts)
{
    int64_t age_ms = facts->newest_age_ms;

    for (size_t i = facts->minute_count; i > 0 && age_ms <= ADAPTIVE_STALE_MINUTES * 60000;
         i--, age_ms += 60000) {
        if (!isnan(facts->minutes[i - 1]))
            return facts->minutes[i - 1];
    }
    return NAN;
}

static struct rule_view view_of(const struct adaptive_facts *facts)
{
    const struct stream_config *config = facts->config;
    struct rule_view view = {.demand = newest(facts),
                             .capacity = facts->capacity,
                             .open_shards = facts->open_shards,
                             .shards = facts->shards,
                             .fewest = config->min_shards,
                             .most = config->max_shards,
                             .recent = highest(facts, (size_t)facts->habits.hold_minutes),
                             .day = highest(facts, ADAPTIVE_DAY_MINUTES),
                             .habits = facts->habits};

    if (facts->account_headroom >= 0 && view.most > view.open_shards + facts->account_headroom)
        view.most = view.open_shards + facts->account_headroom;
    return view;
}

/* ---- words */

/* "2.31 MiB/s of 4" would name only one of the two limits; so demand is told in shards. */
static void say_fill(const struct rule_view *view, char *text, size_t size)
{
    char percent[WORDING_SIZE], line[WORDING_SIZE];

    wording_percent(view->demand / view->capacity, view->habits.line, percent);
    wording_percent(view->habits.line, view->demand / view->capacity, line);
    snprintf(text, size, "the newest minute asks for %.2f shards' worth, %s of the capacity (line: %s)",
             view->demand, percent, line);
}

static void say(struct adaptive_plan *plan, const char *between, const char *first, const char *second)
{
    snprintf(plan->reason, sizeof(plan->reason), "%s%s%s", first, between, second);
}

static void say_rise(const struct adaptive_facts *facts, const struct rule_view *view, bool blind,
                     struct adaptive_plan *plan)
{
    char why[200], what[160];
    const char *limit =
        view->most < facts->config->max_shards ? "the account has room for no more" : "max_shards";

    if (blind)
        snprintf(why, sizeof(why), "an alarm fired and CloudWatch has no minute of the last %d",
                 ADAPTIVE_STALE_MINUTES);
    else if (view->demand > view->habits.line * view->capacity)
        say_fill(view, why, sizeof(why));
    else
        snprintf(why, sizeof(why), "%s is %lld", config_minimum_name(facts->config), (long long)view->fewest);
    if (plan->verdict == ADAPTIVE_STAY)
        snprintf(what, sizeof(what), "more than %lld shard%s are not allowed (%s)",
                 (long long)view->open_shards, text_plural(view->open_shards), limit);
    else
        snprintf(what, sizeof(what), "%lld shard%s become %lld, the next whole generation%s%s",
                 (long long)view->open_shards, text_plural(view->open_shards), (long long)plan->shards,
                 plan->limited ? " as far as it is allowed: " : "", plan->limited ? limit : "");
    say(plan, ": ", why, what);
}

static void say_give_back(const struct rule_view *view, bool by_day, struct adaptive_plan *plan)
{
    double most = by_day ? view->day : view->recent;
    int64_t minutes = by_day ? ADAPTIVE_DAY_MINUTES : view->habits.hold_minutes;

    snprintf(
        plan->reason, sizeof(plan->reason),
        "the highest of the last %lld minutes asked for %.2f shards' worth: %lld shards become %lld by %lld "
        "operation%s",
        (long long)minutes, most, (long long)view->open_shards, (long long)plan->shards,
        (long long)rule_operations(view, plan->shards), text_plural(rule_operations(view, plan->shards)));
}

static void say_stay(const struct rule_view *view, struct adaptive_plan *plan)
{
    char fill[200], hold[160];

    if (isnan(view->demand))
        snprintf(fill, sizeof(fill), "CloudWatch has no minute of the last %d", ADAPTIVE_STALE_MINUTES);
    else
        say_fill(view, fill, sizeof(fill));
    if (isnan(view->recent))
        snprintf(hold, sizeof(hold), "of the last %lld minutes some are unknown, so nothing is given back",
                 (long long)view->habits.hold_minutes);
    else
        snprintf(hold, sizeof(hold),
                 "the highest of the last %lld minutes asked for %.2f, which keeps %lld shard%s",
                 (long long)view->habits.hold_minutes, view->recent, (long long)view->open_shards,
                 text_plural(view->open_shards));
    say(plan, "; ", fill, hold);
}

/* ---- the decision */

static void rise(const struct adaptive_facts *facts, const struct rule_view *view, bool blind,
                 struct adaptive_plan *plan)
{
    struct rule_view unbounded = *view;
    int64_t shards = rule_rise(view);

    unbounded.most = SHARDS_PER_STREAM_MAX;
    plan->limited = shards < rule_rise(&unbounded);
    plan->rises = true;
    if (shards > view->open_shards || (double)shards > view->capacity + 0.5) {
        plan->verdict = ADAPTIVE_GO;
        plan->shards = shards;
    }
    say_rise(facts, view, blind, plan);
}

static void stop(const struct rule_view *view, struct adaptive_plan *plan)
{
    char fill[200];

    say_fill(view, fill, sizeof(fill));
    plan->verdict = ADAPTIVE_STOP;
    snprintf(plan->reason, sizeof(plan->reason), "%s: the load has gone, %lld shard%s are enough", fill,
             (long long)view->open_shards, text_plural(view->open_shards));
}

void adaptive_think(const struct adaptive_facts *facts, struct adaptive_plan *ret_plan)
{
    struct rule_view view = view_of(facts);
    struct adaptive_plan plan = {.shards = facts->open_shards, .demand = view.demand};
    bool blind = facts->alarmed && isnan(view.demand) && facts->goal_shards == 0;
    bool rising = facts->goal_shards > 0 && facts->rising, by_day;

    plan.look_again_ms = facts->goal_shards > 0 || view.demand > view.habits.line / 2 * view.capacity
                             ? ADAPTIVE_LOOK_SOON_MS
                             : ADAPTIVE_LOOK_LATER_MS;
    if (blind)
        view.demand = view.capacity; /* late is worse than one generation too many */
    if (rule_asks_for_more(&view)) {
        rise(facts, &view, blind, &plan);
    } else if (rising && view.demand * ADAPTIVE_CALM < view.capacity) {
        stop(&view, &plan);
    } else {
        if (!rising)
            plan.shards = rule_give_back(&view, &by_day);
        plan.verdict = plan.shards < view.open_shards ? ADAPTIVE_GO : ADAPTIVE_STAY;
        if (plan.verdict == ADAPTIVE_GO)
            say_give_back(&view, by_day, &plan);
        else
            say_stay(&view, &plan);
    }
    *ret_plan = plan;
}
