/*
 * adaptive.c - the rule, with what is known of the last day, and the decision in words.
 */
#include "adaptive_rule.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/goal.h"
#include "scaling/layout.h"
#include "scaling/limits.h"
#include "scaling/load.h"
#include "scaling/skew.h"
#include "wording.h"

#include <math.h>
#include <stdio.h>

/* Where the minutes end that CloudWatch has told by now; 0 when the newest is too old to say anything. */
static size_t told(const struct adaptive_facts *facts)
{
    int64_t age_ms = facts->newest_age_ms;

    for (size_t i = facts->minute_count; i > 0 && age_ms <= ADAPTIVE_STALE_MINUTES * 60000;
         i--, age_ms += 60000) {
        if (!isnan(facts->minutes[i - 1]))
            return i;
    }
    return 0;
}

/* The highest of `window` minutes, those before the last `skip`; NAN when one is unknown that is not just late. */
static double highest(const struct adaptive_facts *facts, size_t window, size_t skip)
{
    size_t end = told(facts);
    double most = 0;

    if (end < window + skip)
        return NAN;
    for (size_t i = end - skip - window; i < end - skip; i++) {
        if (isnan(facts->minutes[i]))
            return NAN;
        most = fmax(most, facts->minutes[i]);
    }
    return most;
}

/* The newest known minute, unless it is too old. */
static double newest(const struct adaptive_facts *facts)
{
    size_t end = told(facts);

    return end == 0 ? NAN : facts->minutes[end - 1];
}

static bool is_by_load(const struct adaptive_facts *facts)
{
    return facts->spread != NULL && facts->spread->count > 0 && facts->shards != NULL;
}

/* Where nothing is known of it, the load lies evenly over the keys. */
static const struct spread *spread_of(const struct adaptive_facts *facts)
{
    static const struct spread even = {0};

    return is_by_load(facts) ? facts->spread : &even;
}

static bool is_stale(const struct adaptive_facts *facts)
{
    return is_by_load(facts) &&
           (facts->spread_age_ms < 0 || facts->spread_age_ms >= ADAPTIVE_SPREAD_STALE_MS);
}

static struct layout_facts layout_facts_of(const struct adaptive_facts *facts, double demand)
{
    return (struct layout_facts){.map = facts->shards, .spread = spread_of(facts), .demand = demand};
}

/* What the shards take is what the fullest does of those that can be divided. */
static void look_at_load(const struct adaptive_facts *facts, struct rule_view *view)
{
    struct layout_facts load = layout_facts_of(facts, 1);

    view->capacity = layout_capacity(&load);
    view->hot = layout_hot(&load, &view->hot_part);
    if (!(view->demand * view->hot_part > view->habits.line))
        view->hot = NULL;
}

/* Of this minute, and of the one in which the stream is looked at next when nothing happens. */
static void look_ahead(const struct adaptive_facts *facts, struct rule_view *view,
                       struct rhythm_need *ret_later)
{
    const size_t later = ADAPTIVE_LOOK_LATER_MS / 60000;
    /* No splits for what comes after these begin before. */
    size_t count = later + RHYTHM_KEEP_MINUTES + (size_t)view->most * SPLIT_SECONDS / 60;
    struct rhythm_need *needs;

    *ret_later = view->need;
    if (count > facts->expected_count)
        count = facts->expected_count;
    if (count == 0)
        return;
    needs = must_calloc(count, sizeof(*needs));
    rhythm_needs(facts->expected, count, rule_room(view), view->most, needs);
    view->need = needs[0];
    *ret_later = needs[later < count ? later : 0];
    free(needs);
}

static struct rule_view view_of(const struct adaptive_facts *facts, struct rhythm_need *ret_later)
{
    const struct stream_config *config = facts->config;
    struct rule_view view = {.demand = newest(facts),
                             .capacity = facts->capacity,
                             .open_shards = facts->open_shards,
                             .shards = facts->shards,
                             .fewest = config->min_shards,
                             .most = config->max_shards,
                             .recent = highest(facts, (size_t)facts->habits.hold_minutes, 0),
                             .day = rule_day(highest(facts, ADAPTIVE_FRESH_MINUTES, 0),
                                             highest(facts, ADAPTIVE_DAY_MINUTES - ADAPTIVE_FRESH_MINUTES,
                                                     ADAPTIVE_FRESH_MINUTES)),
                             .habits = facts->habits,
                             .goal = facts->goal_shards};

    if (facts->account_headroom >= 0 && view.most > view.open_shards + facts->account_headroom)
        view.most = view.open_shards + facts->account_headroom;
    look_ahead(facts, &view, ret_later);
    if (is_by_load(facts))
        look_at_load(facts, &view);
    return view;
}

/* ---- words */

enum { FILL_SIZE = 256 };

/* Of shards that are not all as wide as the widest, the number says nothing of what they take. */
static bool is_uneven(const struct rule_view *view, bool by_load)
{
    return !by_load && view->capacity < (double)view->open_shards * (1 - LOAD_SLACK);
}

/* "2.31 MiB/s of 4" would name only one of the two limits; so demand is told in shards. */
static void say_fill(const struct adaptive_facts *facts, const struct rule_view *view, bool by_load,
                     char *text, size_t size)
{
    char percent[WORDING_SIZE], line[WORDING_SIZE], hot[WORDING_SIZE], of[80] = " of the capacity";

    if (by_load)
        of[0] = '\0';
    else if (is_uneven(view, by_load))
        snprintf(of, sizeof(of), " of what %lld uneven shards take, %.2f", (long long)view->open_shards,
                 view->capacity);
    wording_percent(view->demand / view->capacity, view->habits.line, percent);
    wording_percent(view->habits.line, view->demand / view->capacity, line);
    snprintf(text, size, "the newest minute asks for %.2f shards' worth%s %s%s (line: %s)", view->demand,
             by_load ? " and fills the fullest shard that can be divided" : ",", percent, of, line);
    if (facts->too_full > 0 && SKEW_SPARE * facts->too_full <= view->habits.line + 1e-9)
        wording_add(text, size, ", as %.0f %% was too full for a shard", 100 * facts->too_full);
    if (facts->hot_keys)
        wording_add(text, size,
                    ", and keys are hot: more shards refused hardly less (alarm_level = shard tells more)");
    else if (facts->refuses && !by_load && view->demand <= view->habits.line * view->capacity)
        wording_add(text, size, ", and records are refused, so keys are uneven");
    if (view->hot == NULL)
        return;
    wording_percent(view->demand * view->hot_part, view->habits.line, hot);
    wording_add(text, size, ", but for one hot key that fills %s %s", view->hot->id, hot);
}

static void say(struct adaptive_plan *plan, const char *between, const char *first, const char *second)
{
    snprintf(plan->reason, sizeof(plan->reason), "%s%s%s", first, between, second);
}

/* Why so many, as rule_rise() and layout_rise() count: by what asks for most. */
static void say_how_far(const struct adaptive_facts *facts, const struct rule_view *view,
                        const struct adaptive_plan *plan, char *text, size_t size)
{
    bool by_demand = view->demand > view->habits.line * view->capacity;
    double need = by_demand ? ADAPTIVE_HEAD * view->demand : 0;

    if (plan->due)
        snprintf(text, size, "split in time");
    else if (plan->by_load)
        snprintf(text, size, "where the load lies, for %g times as much", ADAPTIVE_HEAD);
    else if (need < (double)view->fewest)
        snprintf(text, size, "the first whole generation of at least %lld (%s)", (long long)view->fewest,
                 config_minimum_name(facts->config));
    else if (plan->blind || need <= view->capacity)
        snprintf(text, size, "the next whole generation");
    else
        snprintf(text, size, "the first whole generation that takes %g times as much", ADAPTIVE_HEAD);
}

static void say_due(const struct rule_view *view, char *text, size_t size)
{
    char when[40] = "now";

    if (view->need.after > 0)
        snprintf(when, sizeof(when), "in %zu minute%s", view->need.after,
                 text_plural((int64_t)view->need.after));
    snprintf(text, size, "%.2f shards' worth are expected %s, as %s", (double)view->need.demand, when,
             view->habits.rhythm == RHYTHM_WEEK ? "a week before" : "on the days before");
}

static void say_rise(const struct adaptive_facts *facts, const struct rule_view *view,
                     struct adaptive_plan *plan)
{
    char why[FILL_SIZE], what[216], how_far[96];
    const char *limit =
        view->most < facts->config->max_shards ? "the account has room for no more" : "max_shards";
    bool uneven = is_uneven(view, plan->by_load);

    if (plan->blind)
        snprintf(why, sizeof(why), "CloudWatch has no minute of the last %d, so an alarm alone decides",
                 ADAPTIVE_STALE_MINUTES);
    else if (plan->due)
        say_due(view, why, sizeof(why));
    else if (view->demand > view->habits.line * view->capacity)
        say_fill(facts, view, plan->by_load, why, sizeof(why));
    else
        snprintf(why, sizeof(why), "%s is %lld", config_minimum_name(facts->config), (long long)view->fewest);
    say_how_far(facts, view, plan, how_far, sizeof(how_far));
    if (plan->verdict == ADAPTIVE_STAY && view->open_shards < view->most)
        snprintf(what, sizeof(what), "no split would divide that");
    else if (plan->verdict == ADAPTIVE_STAY)
        snprintf(what, sizeof(what), "more than %lld shard%s are not allowed (%s)",
                 (long long)view->open_shards, text_plural(view->open_shards), limit);
    else
        snprintf(what, sizeof(what), "%lld%s shard%s %lld%s, %s%s%s", (long long)view->open_shards,
                 uneven ? " uneven" : "", view->open_shards == 1 ? " becomes" : "s become",
                 (long long)plan->shards, uneven ? " even ones" : "", how_far,
                 plan->limited ? ", as far as it is allowed: " : "", plan->limited ? limit : "");
    say(plan, ": ", why, what);
}

/* What is expected, where that is more. */
static const char *say_coming(const struct rule_view *view, double highest, char *text, size_t size)
{
    text[0] = '\0';
    if ((double)view->need.ahead > highest + 0.005) /* two figures are told */
        snprintf(text, size, " and soon %.2f are expected", (double)view->need.ahead);
    return text;
}

static void say_give_back(const struct rule_view *view, bool by_day, size_t operations,
                          struct adaptive_plan *plan)
{
    double most = by_day ? view->day : view->recent;
    int64_t minutes = by_day ? ADAPTIVE_DAY_MINUTES : view->habits.hold_minutes;
    char coming[64];

    snprintf(plan->reason, sizeof(plan->reason),
             "the highest of the last %lld minutes asked for %.2f shards' worth%s: %lld shards become %lld "
             "by %lld operation%s%s",
             (long long)minutes, most, say_coming(view, most, coming, sizeof(coming)),
             (long long)view->open_shards, (long long)plan->shards, (long long)operations,
             text_plural((int64_t)operations), plan->by_load ? ", as the load lies" : "");
}

static void say_stay(const struct adaptive_facts *facts, const struct rule_view *view,
                     struct adaptive_plan *plan)
{
    char fill[FILL_SIZE], hold[160], coming[64];

    if (isnan(view->demand))
        snprintf(fill, sizeof(fill), "CloudWatch has no minute of the last %d", ADAPTIVE_STALE_MINUTES);
    else
        say_fill(facts, view, plan->by_load, fill, sizeof(fill));
    if (plan->stale)
        snprintf(hold, sizeof(hold),
                 "what each shard carries was not to be had for %d minutes, so nothing is given back",
                 ADAPTIVE_SPREAD_STALE_MS / 60000);
    else if (facts->unproven)
        snprintf(hold, sizeof(hold),
                 "whether that helped shows within %d minutes, and nothing is given back before",
                 SKEW_PROVED_MS / 60000);
    else if (isnan(view->recent))
        snprintf(hold, sizeof(hold), "of the last %lld minutes some are unknown, so nothing is given back",
                 (long long)view->habits.hold_minutes);
    else
        snprintf(hold, sizeof(hold),
                 "the highest of the last %lld minutes asked for %.2f%s, which keeps %lld shard%s",
                 (long long)view->habits.hold_minutes, view->recent,
                 say_coming(view, view->recent, coming, sizeof(coming)), (long long)view->open_shards,
                 text_plural(view->open_shards));
    say(plan, "; ", fill, hold);
}

/* ---- the decision */

/* What is expected asks for more than the minute or the floor does, where they ask for anything. */
static bool is_for_later(const struct rule_view *view)
{
    bool by_demand = view->demand > view->habits.line * view->capacity;
    double shards = rule_room(view) * (double)view->need.demand;

    return rule_is_due(view) && shards > (double)view->fewest &&
           !(by_demand && shards <= ADAPTIVE_HEAD * view->demand);
}

/* How many shards there would be; *ret_starts where, or NULL for even ones. */
static int64_t risen(const struct adaptive_facts *facts, const struct rule_view *view, hashkey **ret_starts)
{
    double asked = isnan(view->demand) ? 0 : ADAPTIVE_HEAD * view->demand;
    double limit = fmin(1, ADAPTIVE_HEAD * view->habits.line); /* what is above a low line is divided too */
    struct layout_facts load;
    struct layout layout;

    *ret_starts = NULL;
    if (!is_by_load(facts))
        return rule_rise(view);
    if (is_for_later(view)) {
        asked = rule_room(view) * (double)view->need.demand;
        limit = 1;
    }
    load = layout_facts_of(facts, asked);
    layout_rise(&load, limit, view->fewest, view->most, &layout);
    *ret_starts = layout.starts;
    return (int64_t)layout.count;
}

static void rise(const struct adaptive_facts *facts, const struct rule_view *view, struct adaptive_plan *plan)
{
    struct rule_view unbounded = *view;
    hashkey *ignored;
    int64_t shards = risen(facts, view, &plan->starts);

    plan->due = is_for_later(view);
    unbounded.most = SHARDS_PER_STREAM_MAX;
    plan->limited = shards < risen(facts, &unbounded, &ignored);
    free(ignored);
    plan->rises = true;
    if (shards > view->open_shards || (!plan->by_load && (double)shards > view->capacity + 0.5)) {
        plan->verdict = ADAPTIVE_GO;
        plan->shards = shards;
    } else {
        free(plan->starts);
        plan->starts = NULL;
    }
    say_rise(facts, view, plan);
}

/* What is gained by it, in shards; 0: nothing. */
static double gain_by_layout(const struct adaptive_facts *facts, const struct rule_view *view,
                             bool only_merges, double highest, double price, struct layout *ret_layout)
{
    struct layout_facts load = layout_facts_of(facts, fmax(highest, (double)view->need.ahead));
    bool fits = load.demand <=
                view->habits.line * view->capacity; /* merges would not mend a shard that is too full */

    load.only_merges = only_merges;
    *ret_layout = (struct layout){0};
    if (isnan(highest) || (only_merges && !fits) ||
        !layout_give_back(&load, 1 / rule_room(view), price, view->fewest, ret_layout))
        return 0;
    return (double)view->open_shards - (double)ret_layout->count - price * (double)ret_layout->operations;
}

/* The partition that pays best, as rule_give_back() finds a number; false: none does. */
static bool best_layout(const struct adaptive_facts *facts, const struct rule_view *view, bool only_merges,
                        bool *ret_by_day, struct layout *ret_layout)
{
    struct layout hold, day;
    double by_hold = gain_by_layout(facts, view, only_merges, view->recent, ADAPTIVE_OPERATION_SHARDS, &hold);
    double by_day = gain_by_layout(facts, view, only_merges, view->day,
                                   ADAPTIVE_OPERATION_SHARDS * ADAPTIVE_OPERATION_DAY, &day);

    *ret_by_day = by_day > by_hold;
    *ret_layout = *ret_by_day ? day : hold;
    free(*ret_by_day ? hold.starts : day.starts);
    return ret_layout->count > 0;
}

/* What pays best. */
static void give_back(const struct adaptive_facts *facts, const struct rule_view *view,
                      struct adaptive_plan *plan, bool *ret_by_day, size_t *ret_operations)
{
    struct layout best;

    if (!plan->by_load) {
        plan->shards = rule_give_back(view, ret_by_day);
        *ret_operations = (size_t)rule_operations(view, plan->shards);
    } else if (best_layout(facts, view, false, ret_by_day, &best)) {
        plan->shards = (int64_t)best.count;
        plan->starts = best.starts;
        *ret_operations = best.operations;
    }
}

/* The greatest part of the load on one of the shards that begin at `starts`. */
static double fullest_part(const struct spread *spread, const hashkey *starts, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = fmax(most, spread_part(spread, starts[i], i + 1 < count ? starts[i + 1] - 1 : HASHKEY_MAX));
    return most;
}

/*
 * A way down that splits keeps one shard more open than there are.  Where that is not allowed it merges before it
 * splits, and what it merges is for a while as full as a shard of then and one of now together: when that is too full,
 * the load would turn it back, and then ask for less again.
 */
static bool has_room(const struct adaptive_facts *facts, const struct rule_view *view,
                     const struct adaptive_plan *plan, double highest)
{
    const struct spread *spread = spread_of(facts);
    size_t open = facts->shards == NULL ? 0 : facts->shards->count, count = (size_t)plan->shards;
    hashkey *starts;
    double part;
    bool splits;

    if (view->open_shards < view->most || open == 0)
        return true;
    starts = must_calloc(open + count, sizeof(*starts));
    for (size_t i = 0; i < count; i++)
        starts[i] = plan->starts != NULL ? plan->starts[i] : hashkey_even_start((unsigned)i, (unsigned)count);
    for (size_t i = 0; i < open; i++)
        starts[count + i] = facts->shards->items[i].start;
    /* Even shards of AWS and ours differ by a key here and there, which is no split. */
    splits = plan->by_load ? goal_splits(facts->shards, starts, count) > 0
                           : rule_operations(view, plan->shards) > view->open_shards - plan->shards;
    part = fullest_part(spread, starts, count) + fullest_part(spread, starts + count, open);
    free(starts);
    return !splits || highest * part <= view->habits.line;
}

static const char *why_no_room(const struct adaptive_facts *facts, const struct rule_view *view)
{
    return view->most < facts->config->max_shards ? "the account has room for no more"
                                                  : "max_shards does not allow it";
}

/*
 * There is no room for the way to what pays best: to the best of what merges alone reach, from where there is.  None of
 * those shards is too full, nor ever another on the way, so no load turns it back.
 */
static bool merge_for_room(const struct adaptive_facts *facts, const struct rule_view *view,
                           struct adaptive_plan *plan)
{
    int64_t wanted = plan->shards;
    struct layout best;
    bool by_day, halves;

    if (!best_layout(facts, view, true, &by_day, &best))
        return false;
    halves = !plan->by_load && 2 * best.count == facts->shards->count && shard_map_is_even(facts->shards);
    if (facts->config->resharding == RESHARDING_UPDATE && !halves) {
        free(best.starts); /* only a call that halves does nothing but merge */
        return false;
    }
    free(plan->starts);
    plan->starts = best.starts;
    plan->shards = (int64_t)best.count;
    say_give_back(view, by_day, best.operations, plan);
    wording_add(plan->reason, sizeof(plan->reason), "; the way to %lld%s needs room for one more, and %s",
                (long long)wanted, plan->by_load ? "" : " even ones", why_no_room(facts, view));
    if (halves) { /* even shards: UpdateShardCount may do it */
        free(plan->starts);
        plan->starts = NULL;
    }
    return true;
}

/* Fewer would be enough, but not on the way there. */
static void keep_all(const struct adaptive_facts *facts, const struct rule_view *view, bool by_day,
                     struct adaptive_plan *plan)
{
    snprintf(
        plan->reason, sizeof(plan->reason),
        "the highest of the last %lld minutes asked for %.2f shards' worth, for which %lld of %lld shards "
        "would be enough; the way there needs one more, and %s",
        (long long)(by_day ? ADAPTIVE_DAY_MINUTES : view->habits.hold_minutes),
        by_day ? view->day : view->recent, (long long)plan->shards, (long long)view->open_shards,
        why_no_room(facts, view));
    free(plan->starts);
    plan->starts = NULL;
    plan->shards = view->open_shards;
}

/* A rise is over: because it is where it was to go, or because what wanted so many, the load or a floor, has gone. */
static void stop(const struct adaptive_facts *facts, const struct rule_view *view, struct adaptive_plan *plan)
{
    char fill[FILL_SIZE], what[160];

    plan->verdict = ADAPTIVE_STOP;
    if (view->open_shards >= facts->goal_shards && is_uneven(view, plan->by_load))
        snprintf(what, sizeof(what),
                 "%lld uneven shards are enough on the way to the %lld even ones that were wanted",
                 (long long)view->open_shards, (long long)facts->goal_shards);
    else if (view->open_shards >= facts->goal_shards)
        snprintf(what, sizeof(what), "the %lld shards that were wanted are there",
                 (long long)facts->goal_shards);
    else
        snprintf(what, sizeof(what), "%lld of the %lld shards that were wanted are enough",
                 (long long)view->open_shards, (long long)facts->goal_shards);
    say_fill(facts, view, plan->by_load, fill, sizeof(fill));
    say(plan, ": ", fill, what);
}

static void decide_less(const struct adaptive_facts *facts, const struct rule_view *view, bool rising,
                        struct adaptive_plan *plan)
{
    bool by_day = false;
    size_t operations = 0;

    plan->verdict = ADAPTIVE_STAY;
    if (!rising && !plan->stale && !facts->unproven)
        give_back(facts, view, plan, &by_day, &operations);
    if (plan->shards >= view->open_shards) {
        plan->limited = facts->hot_keys && facts->refuses;
        say_stay(facts, view, plan);
    } else if (has_room(facts, view, plan, by_day ? view->day : view->recent)) {
        plan->verdict = ADAPTIVE_GO;
        say_give_back(view, by_day, operations, plan);
    } else if (merge_for_room(facts, view, plan)) {
        plan->verdict = ADAPTIVE_GO;
    } else {
        keep_all(facts, view, by_day, plan);
    }
}

/* Something may have to be done before the next look but one. */
static bool is_near(const struct adaptive_facts *facts, const struct rule_view *view,
                    const struct rhythm_need *later)
{
    struct rule_view next = *view;

    next.need = *later;
    return facts->goal_shards > 0 || view->demand > ADAPTIVE_NEAR * view->habits.line * view->capacity ||
           rule_is_due(&next);
}

void adaptive_think(const struct adaptive_facts *facts, struct adaptive_plan *ret_plan)
{
    struct rhythm_need later;
    struct rule_view view = view_of(facts, &later);
    struct adaptive_plan plan = {.shards = facts->open_shards,
                                 .demand = view.demand,
                                 .by_load = is_by_load(facts),
                                 .stale = is_stale(facts),
                                 .hot = view.hot};
    bool rising = facts->goal_shards > 0 && facts->rising;

    plan.blind = facts->alarmed && isnan(view.demand) && facts->goal_shards == 0;
    plan.look_again_ms = is_near(facts, &view, &later) ? ADAPTIVE_LOOK_SOON_MS : ADAPTIVE_LOOK_LATER_MS;
    if (plan.blind)
        view.demand =
            fmin(view.capacity, (double)view.open_shards); /* late is worse than one generation too many */
    if (rule_asks_for_more(&view)) {
        rise(facts, &view, &plan);
    } else if (rising && view.demand * ADAPTIVE_CALM < view.capacity && !rule_expects_more(&view)) {
        stop(facts, &view, &plan);
    } else {
        decide_less(facts, &view, rising, &plan);
    }
    *ret_plan = plan;
}

void adaptive_plan_clear(struct adaptive_plan *plan)
{
    free(plan->starts);
    *plan = (struct adaptive_plan){0};
}
