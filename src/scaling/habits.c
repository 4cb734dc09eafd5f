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

/* The nearest to ADAPTIVE_HOLD_MINUTES first: of those that cost the same, as on a flat week all do, the first is taken. */
static const int64_t holds[] = {45, 90, 20, 180, 480};
/* Above the operator's line, as far towards this as a stream can bear. */
#define LINE_MAX 0.95
static const double line_steps[] = {0, 0.5, 1};

/* With a rhythm the week must have cost so much less: by chance a day is like the one before now and then. */
#define RHYTHM_PAYS 0.9

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

/* ret_day[i]: what the day that ends with i proves. */
static void sliding_day(const float *minutes, size_t count, float *ret_day)
{
    float *fresh = must_calloc(count, sizeof(*fresh));

    sliding_maximum(minutes, count, ADAPTIVE_FRESH_MINUTES, fresh);
    sliding_maximum(minutes, count, ADAPTIVE_DAY_MINUTES - ADAPTIVE_FRESH_MINUTES, ret_day);
    for (size_t i = count; i-- > 0;)
        ret_day[i] =
            i < ADAPTIVE_FRESH_MINUTES ? NAN : (float)rule_day(fresh[i], ret_day[i - ADAPTIVE_FRESH_MINUTES]);
    free(fresh);
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

static void decide(struct replay *replay, double seen, double recent, double day,
                   const struct rhythm_need *need)
{
    struct rule_view view = {.demand = seen,
                             .capacity = replay->capacity,
                             .open_shards = llround(replay->open),
                             .fewest = replay->config->min_shards,
                             .most = replay->config->max_shards,
                             .recent = recent,
                             .day = day,
                             .habits = replay->habits,
                             .need = *need};
    bool by_day, rising = replay->left > 0 && replay->to > replay->from;
    int64_t shards;

    if (replay->left > 0)
        view.goal = replay->to;

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
        if (seen * ADAPTIVE_CALM < replay->capacity && !rule_expects_more(&view)) {
            replay->open = replay->capacity;
            replay->left = 0;
        }
    } else if (replay->left == 0) {
        shards = rule_give_back(&view, &by_day);
        if (shards < view.open_shards)
            begin(replay, shards);
    }
}

/* What all replays of a week have in common; the arrays have a place for each of its minutes. */
struct week {
    const float *minutes;
    size_t count;
    float *recent[COUNT_OF(holds)];                  /* the highest of so many minutes */
    float *day;                                      /* rule_day() */
    struct rhythm_need *needs[COUNT_OF(line_steps)]; /* by the rhythm that is tried */
};

/* Given up as soon as it costs as much as `enough`. */
static double replay_cost(struct replay *replay, const struct week *week, const float *recent,
                          const struct rhythm_need *needs, double enough)
{
    for (size_t i = SEEN_AFTER; i < week->count && replay->cost < enough; i++) {
        work(replay);
        replay->cost += replay->open / 60;
        if (!isnan(week->minutes[i]))
            replay->cost += ADAPTIVE_REFUSED_SHARD_HOURS / 60 *
                            ((double)week->minutes[i] - accepted(replay, week->minutes[i]));
        decide(replay, week->minutes[i - SEEN_AFTER], recent[i - SEEN_AFTER], week->day[i - SEEN_AFTER],
               &needs[i]);
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

static void week_init(struct week *week, const float *minutes, size_t count)
{
    *week = (struct week){.minutes = minutes, .count = count};
    week->day = must_calloc(count, sizeof(*week->day));
    sliding_day(minutes, count, week->day);
    for (size_t h = 0; h < COUNT_OF(holds); h++) {
        week->recent[h] = must_calloc(count, sizeof(*week->recent[h]));
        sliding_maximum(minutes, count, (size_t)holds[h], week->recent[h]);
    }
    for (size_t l = 0; l < COUNT_OF(line_steps); l++)
        week->needs[l] = must_calloc(count, sizeof(*week->needs[l]));
}

static void week_clear(struct week *week)
{
    free(week->day);
    for (size_t h = 0; h < COUNT_OF(holds); h++)
        free(week->recent[h]);
    for (size_t l = 0; l < COUNT_OF(line_steps); l++)
        free(week->needs[l]);
}

/* *least is the cost of *habits. */
static void try_habits(const struct stream_config *config, const struct week *week, enum rhythm rhythm,
                       int64_t open_shards, double *least, struct adaptive_habits *habits)
{
    for (size_t h = 0; h < COUNT_OF(holds); h++) {
        for (size_t l = 0; l < COUNT_OF(line_steps); l++) {
            struct replay replay = {.config = config,
                                    .habits = {holds[h], line_at(config, line_steps[l]), rhythm, true},
                                    .open = (double)open_shards,
                                    .capacity = (double)open_shards};
            double cost = replay_cost(&replay, week, week->recent[h], week->needs[l], *least);

            if (cost < *least - 1e-9) {
                *least = cost;
                *habits = replay.habits;
            }
        }
    }
}

void adaptive_learn(const struct stream_config *config, const float *minutes, size_t minute_count,
                    int64_t open_shards, struct adaptive_habits *ret_habits)
{
    size_t skipped = minute_count > ADAPTIVE_LEARN_MINUTES ? minute_count - ADAPTIVE_LEARN_MINUTES : 0;
    size_t count = minute_count - skipped;
    struct week week;
    float *expected;
    double least = INFINITY;

    *ret_habits = adaptive_default_habits(config);
    if (!is_warm(minutes + skipped, count))
        return;
    week_init(&week, minutes + skipped, count);
    expected = must_calloc(count, sizeof(*expected));
    for (int rhythm = RHYTHM_NONE; rhythm < RHYTHM_COUNT; rhythm++) {
        if (rhythm == RHYTHM_NONE + 1)
            least *= RHYTHM_PAYS;
        rhythm_expect((enum rhythm)rhythm, minutes, minute_count, skipped, count, expected);
        for (size_t l = 0; l < COUNT_OF(line_steps); l++)
            rhythm_needs(expected, count, ADAPTIVE_SPARE / line_at(config, line_steps[l]), config->max_shards,
                         week.needs[l]);
        try_habits(config, &week, (enum rhythm)rhythm, open_shards, &least, ret_habits);
    }
    free(expected);
    week_clear(&week);
}
