/*
 * habits.c - which habits would have served a stream best in its last week.
 *
 * A replay walks through the minutes as the policy would have seen them (two minutes late), with the same rule, and adds
 * up what it would have paid and refused.  Resharding is taken as 30 s an operation, one after the other.
 */
#include "adaptive_rule.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

/* A minute is told by CloudWatch when the next but one begins. */
enum { SEEN_AFTER = 2, OPERATIONS_PER_MINUTE = 60 / SPLIT_SECONDS };

static const int64_t holds[] = {20, 45, 90, 180, 480};
/* Above the operator's line, as far towards this as a stream can bear. */
#define LINE_MAX 0.95
static const double line_steps[] = {0, 0.5, 1};

static double line_at(const struct stream_config *config, double step)
{
    return config->scale_up_threshold + step * fmax(LINE_MAX - config->scale_up_threshold, 0);
}

struct adaptive_habits adaptive_default_habits(const struct stream_config *config)
{
    return (struct adaptive_habits){.hold_minutes = ADAPTIVE_HOLD_MINUTES, .line = line_at(config, 0)};
}

/* ret_most[i]: the highest of the `window` minutes that end with i; NAN where one is unknown or before the first. */
static void sliding_maximum(const float *minutes, size_t count, size_t window, float *ret_most)
{
    size_t *queue = must_calloc(count, sizeof(*queue)); /* indexes with falling values */
    size_t head = 0, tail = 0, known = 0;

    for (size_t i = 0; i < count; i++) {
        known = isnan(minutes[i]) ? 0 : known + 1;
        while (tail > head && !(minutes[queue[tail - 1]] > minutes[i]))
            tail--;
        queue[tail++] = i;
        while (queue[head] + window <= i)
            head++;
        ret_most[i] = known >= window ? minutes[queue[head]] : NAN;
    }
    free(queue);
}

/* The stream as it would have been. */
struct replay {
    const struct stream_config *config;
    struct adaptive_habits habits;
    double open, capacity;        /* now */
    int64_t from, to, done, left; /* of the resharding that runs, in operations; left 0: none runs */
    double cost;
};

static void begin(struct replay *replay, int64_t shards)
{
    struct rule_view view = {.open_shards = llround(replay->open)};

    replay->from = view.open_shards;
    replay->to = shards;
    replay->done = 0;
    replay->left = rule_operations(&view, shards);
    replay->cost += ADAPTIVE_OPERATION_SHARD_HOURS * (double)replay->left;
}

/* One minute of resharding: a rise gives its capacity by generations, a fall takes it at once. */
static void work(struct replay *replay)
{
    double part;
    int64_t whole = replay->from;

    if (replay->left == 0)
        return;
    replay->done += OPERATIONS_PER_MINUTE;
    replay->left -= OPERATIONS_PER_MINUTE;
    if (replay->left <= 0) {
        replay->left = 0;
        replay->open = replay->capacity = (double)replay->to;
        return;
    }
    part = (double)replay->done / (double)(replay->done + replay->left);
    replay->open = (double)replay->from + part * (double)(replay->to - replay->from);
    while (replay->to > replay->from && whole * 2 <= replay->to && replay->done >= whole * 2 - replay->from)
        whole *= 2;
    replay->capacity = (double)(replay->to > replay->from ? whole : replay->to);
}

/* What is taken of `load`: each shard as much as it can; in the middle of a generation some are halves. */
static double accepted(const struct replay *replay, double load)
{
    double share = load / replay->capacity;
    double halved = fmin(fmax(replay->open - replay->capacity, 0), replay->capacity);

    if (share <= 1)
        return load;
    return replay->capacity - halved + 2 * halved * fmin(share / 2, 1);
}

static void decide(struct replay *replay, double seen, double recent, double day)
{
    struct rule_view view = {.demand = seen,
                             .capacity = replay->capacity,
                             .open_shards = llround(replay->open),
                             .fewest = replay->config->min_shards,
                             .most = replay->config->max_shards,
                             .recent = recent,
                             .day = day,
                             .habits = replay->habits};
    bool by_day, rising = replay->left > 0 && replay->to > replay->from;
    int64_t shards;

    if (rule_asks_for_more(&view)) {
        shards = rule_rise(&view);
        if (rising && shards > replay->to) {
            replay->left += shards - replay->to;
            replay->to = shards;
        } else if (!rising && shards > view.open_shards) {
            replay->capacity = replay->open;
            begin(replay, shards);
        }
    } else if (rising) {
        if (seen * ADAPTIVE_CALM < replay->capacity) {
            replay->open = replay->capacity;
            replay->left = 0;
        }
    } else if (replay->left == 0) {
        shards = rule_give_back(&view, &by_day);
        if (shards < view.open_shards)
            begin(replay, shards);
    }
}

static double replay_cost(struct replay *replay, const float *minutes, size_t count, const float *recent,
                          const float *day)
{
    for (size_t i = SEEN_AFTER; i < count; i++) {
        work(replay);
        replay->cost += replay->open / 60;
        if (!isnan(minutes[i]))
            replay->cost +=
                ADAPTIVE_REFUSED_SHARD_HOURS / 60 * ((double)minutes[i] - accepted(replay, minutes[i]));
        decide(replay, minutes[i - SEEN_AFTER], recent[i - SEEN_AFTER], day[i - SEEN_AFTER]);
    }
    return replay->cost;
}

static bool is_warm(const float *minutes, size_t count)
{
    size_t known = 0;

    for (size_t i = 0; i < count; i++)
        known += !isnan(minutes[i]);
    return known >= ADAPTIVE_WARM_UP_MINUTES;
}

void adaptive_learn(const struct stream_config *config, const float *minutes, size_t minute_count,
                    int64_t open_shards, struct adaptive_habits *ret_habits)
{
    size_t skipped = minute_count > ADAPTIVE_LEARN_MINUTES ? minute_count - ADAPTIVE_LEARN_MINUTES : 0;
    size_t count = minute_count - skipped;
    float *recent, *day;
    double least = INFINITY;

    minutes += skipped;
    *ret_habits = adaptive_default_habits(config);
    if (!is_warm(minutes, count))
        return;
    recent = must_calloc(count, sizeof(*recent));
    day = must_calloc(count, sizeof(*day));
    sliding_maximum(minutes, count, ADAPTIVE_DAY_MINUTES, day);
    for (size_t h = 0; h < COUNT_OF(holds); h++) {
        sliding_maximum(minutes, count, (size_t)holds[h], recent);
        for (size_t l = 0; l < COUNT_OF(line_steps); l++) {
            struct replay replay = {.config = config,
                                    .habits = {holds[h], line_at(config, line_steps[l]), true},
                                    .open = (double)open_shards,
                                    .capacity = (double)open_shards};
            double cost = replay_cost(&replay, minutes, count, recent, day);

            if (cost < least - 1e-9) {
                least = cost;
                *ret_habits = replay.habits;
            }
        }
    }
    free(recent);
    free(day);
}
