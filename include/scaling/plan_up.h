/*
 * plan_up.h - which reshardings give a stream the capacity it needs, and why.
 *
 * Pure: no clock, no network, no database, no log, no globals.  Everything
 * comes in as facts; the answer carries its reason with its numbers.
 *
 * Even or unknown keys: the widest shard is full first, so the widest are split
 * until the predicted utilisation of every shard is at most target_utilization.
 * A part of a generation of equal shards gives no capacity; the rule "until
 * every shard" makes whole generations by itself.  Where a ceiling (max_shards,
 * the account) has no room for a whole generation, a part of one is split only
 * while the fullest shard is predicted above scale_up_threshold: it relieves the
 * shards it splits, not the stream.  Below that it would be shards for nothing.
 *
 * UpdateShardCount makes all shards equal, so it has no generations: its target
 * is the fewest shards that are enough, or the ceiling.  `auto` may split first
 * where that saves a call (each at most doubles), and uses it only while keys
 * may be even: no shard-level metrics, no shard named by an alarm, no shard more
 * than twice as wide as another (somebody shaped those for a hot range).
 *
 * The same facts after operations[0] give operations[1] and what follows it, so
 * planning again on every turn, or after a crash, changes nothing by itself.
 */
#ifndef SCALING_PLAN_UP_H
#define SCALING_PLAN_UP_H

#include "base/hashkey.h"
#include "scaling/config.h"
#include "scaling/lineage.h"
#include "scaling/load.h"
#include "scaling/shards.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Throttling on a stream whose accepted load fills less than this of its effective capacity is not
 * explained by even keys: they throttle when the minute is full.  A burst of seconds throttles inside
 * an emptier minute, but one that leaves 30 % of it unused is as likely a hot shard.  For both, one
 * generation is a fair try and a second is not: more shards do not help a hot key.
 */
#define SKEW_BELOW 0.70

/*
 * What we know of one shard by shard-level metrics; aligned with the shard map.  Shards without data share
 * what the others leave of the stream's demand, by width; so fresh children need no figures, but where the
 * caller still has those of their parent, half of it each is better.
 */
struct shard_load {
    struct demand demand; /* known is false for a shard without data */
    bool alarming;        /* a notification named this shard */
    int64_t young_ms;     /* made then by a split of the action that runs; 0: earlier */
};

/* Why more is not possible. */
enum up_limit {
    LIMIT_NONE,
    LIMIT_MAX_SHARDS,
    LIMIT_ACCOUNT,
    LIMIT_SKEW,    /* a hot shard that cannot be named, or a hot key that cannot be divided */
    LIMIT_RANGE,   /* a shard of fewer than 4 hash keys */
    LIMIT_UPDATES, /* `update-shard-count` only: the calls of the day are used up */
    LIMIT_HOT_KEY, /* a key that two splits have been seen not to divide, by up_facts.splits */
    UP_LIMIT_COUNT
};

/* On what the plan rests. */
enum up_basis {
    UP_BASIS_LOAD,    /* metrics of the stream, spread by width */
    UP_BASIS_SHARDS,  /* shard-level metrics */
    UP_BASIS_BLIND,   /* no metrics: late is worse than one shard too many */
    UP_BASIS_SKEW,    /* throttled though not full on average, no shard-level metrics: one generation, once */
    UP_BASIS_MINIMUM, /* fewer than min_shards; also when nothing is alarmed */
    UP_BASIS_COUNT
};

struct up_facts {
    const struct stream_config *config;
    const struct shard_map *shards; /* complete partition */
    /*
     * Of the stream, in the minutes since its last action ended (while one runs: also those before it).
     * Older ones would be judged against a capacity that did not exist then and look like skew.
     */
    struct demand demand;
    const struct shard_load *shard_loads; /* one per shard, or NULL */
    bool alarmed;                         /* an alarm asked for it: with no metrics, act blindly */
    /*
     * A blind or skew plan aims at a shard count that is fixed when its action begins, because
     * nothing measured would tell it to stop.  0 at the start; afterwards the to_shards and basis of the
     * action's first plan, whatever its basis.  A blind action drops its goal when metrics turn up (what
     * is measured decides alone); one that began on load keeps it in case they vanish, and does not ask
     * about skew again: its metrics are from before its own splits.
     */
    int64_t goal_shards;
    enum up_basis goal_basis; /* counts when goal_shards > 0 */
    bool skew_spent; /* the one generation for skew was split within a day; not asked while goal_shards > 0 */
    int64_t account_headroom; /* shards the account may still open; -1 when unknown */
    /*
     * The stream's splits as far as they are known, in any order, or NULL.  Where shards have figures of
     * their own, they say where a range is split, and which lineages no split helps.
     */
    const struct lineage_split *splits;
    size_t split_count;
    int updates_24h; /* UpdateShardCount calls for this stream in the last 24 hours; all, if it is refused */
    double
        update_seconds_per_shard; /* own measurement: duration / shards of the target; 0 when there is none */
};

enum operation_kind { OPERATION_SPLIT, OPERATION_MERGE, OPERATION_UPDATE, OPERATION_KIND_COUNT };

/* One resharding call. */
struct operation {
    enum operation_kind kind;
    char shard[SHARD_ID_SIZE];    /* SPLIT, MERGE (the lower range) */
    char adjacent[SHARD_ID_SIZE]; /* MERGE (the upper range) */
    hashkey new_start;            /* SPLIT */
    int64_t target;               /* UPDATE: shards; else open shards after it */
};

enum up_verdict {
    UP_ENOUGH,  /* nothing to do: the shards fit the load */
    UP_RESHARD, /* operations[0] is the next call */
    UP_LIMITED  /* more is needed, nothing more is possible; see limit */
};

struct up_plan {
    enum up_verdict verdict;
    enum up_limit limit; /* also with RESHARD, when the plan falls short of the need */
    enum up_basis basis;
    struct operation *operations; /* in order; each assumes the ones before it succeeded */
    size_t operation_count;
    int64_t from_shards;
    int64_t to_shards;
    int64_t peak_shards;    /* most open at once, short-lived ones of UpdateShardCount included */
    double utilization_now; /* predicted, of the fullest shard; NAN when unknown */
    double utilization_after;
    struct shard hot; /* the fullest shard whose key no split divides; id "" when there is none */
    int64_t seconds;  /* how long it is expected to take */
    char reason[384]; /* one sentence with the numbers; never empty */
};

/* How long one waits for figures of a shard that was just made: until a whole minute of it has been measured and told
 * by CloudWatch. */
enum { YOUNG_MS = 4 * 60 * 1000 };
/*
 * The first operation that rests on figures, *ret_operation with its target as if it were the first.  A shard that a
 * split has just made may hold the one key that made its parent hot: by splitting it before it is measured one would
 * split on and on.  False when the plan holds nothing else, until such a shard is YOUNG_MS old.
 */
bool up_plan_next(const struct up_facts *facts, const struct up_plan *plan, int64_t now_ms,
                  struct operation *ret_operation);

/* The plan is the caller's: up_plan_clear(). */
void plan_up(const struct up_facts *facts, struct up_plan *ret_plan);
void up_plan_clear(struct up_plan *plan);

const char *up_limit_name(enum up_limit limit);
const char *up_basis_name(enum up_basis basis);
const char *operation_kind_name(enum operation_kind kind); /* "split", "merge", "update" */

#endif
