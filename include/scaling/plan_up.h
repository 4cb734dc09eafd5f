/*
 * plan_up.h - which reshardings give a stream the capacity it needs, and why.
 *
 * Pure: no clock, no network, no database, no log, no globals.  Everything
 * comes in as facts; the answer carries its reason with its numbers.
 *
 * Even or unknown keys: the widest shard is full first, so the widest are split
 * until the predicted utilisation of every shard is at most target_utilization.
 * A part of a generation of equal shards gives no capacity; the rule "until
 * every shard" makes whole generations by itself.
 */
#ifndef SCALING_PLAN_UP_H
#define SCALING_PLAN_UP_H

#include "base/hashkey.h"
#include "scaling/config.h"
#include "scaling/load.h"
#include "scaling/shards.h"

#include <stdbool.h>
#include <stddef.h>

/* What we know of one shard by shard-level metrics; aligned with the shard map. */
struct shard_load {
    struct demand demand; /* known is false for a shard without data */
    bool alarming;        /* a notification named this shard */
};

/* Why more is not possible. */
enum up_limit { LIMIT_NONE, LIMIT_MAX_SHARDS, LIMIT_ACCOUNT, LIMIT_SKEW, LIMIT_RANGE, LIMIT_UPDATES };

/* On what the plan rests. */
enum up_basis {
    UP_BASIS_LOAD,   /* metrics of the stream, spread by width */
    UP_BASIS_SHARDS, /* shard-level metrics */
    UP_BASIS_BLIND,  /* no metrics: late is worse than one shard too many */
    UP_BASIS_SKEW,   /* throttled though not full on average, and no shard-level metrics: one generation, once */
    UP_BASIS_MINIMUM /* fewer than min_shards */
};

struct up_facts {
    const struct stream_config *config;
    const struct shard_map *shards;       /* complete partition */
    struct demand demand;                 /* of the stream */
    const struct shard_load *shard_loads; /* one per shard, or NULL */
    bool alarmed;                         /* an alarm asked for it: with no metrics, act blindly */
    /*
     * A blind or skew plan aims at a shard count that is fixed when its action begins, because
     * nothing measured would tell it to stop.  0 at the start; afterwards what the first plan said.
     */
    int64_t goal_shards;
    enum up_basis goal_basis; /* counts when goal_shards > 0 */
    bool skew_spent;      /* the one generation for skew was already split within a day */
    int64_t account_headroom; /* shards the account may still open; -1 when unknown */
    int updates_24h;      /* UpdateShardCount calls for this stream in the last 24 hours */
    double update_seconds_per_shard; /* own measurement: duration / shards of the target; 0 when there is none */
};

enum operation_kind { OPERATION_SPLIT, OPERATION_MERGE, OPERATION_UPDATE };

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
    enum up_limit limit;  /* also with RESHARD, when the plan falls short of the need */
    enum up_basis basis;
    struct operation *operations; /* in order; each assumes the ones before it succeeded */
    size_t operation_count;
    int64_t from_shards;
    int64_t to_shards;
    int64_t peak_shards;          /* most open at once, short-lived ones of UpdateShardCount included */
    double utilization_now;       /* predicted, of the fullest shard; NAN when unknown */
    double utilization_after;
    int64_t seconds;              /* how long it is expected to take */
    char reason[384];             /* one sentence with the numbers; never empty */
};

/* The plan is the caller's: up_plan_clear(). */
void plan_up(const struct up_facts *facts, struct up_plan *ret_plan);
void up_plan_clear(struct up_plan *plan);

const char *up_limit_name(enum up_limit limit);
const char *up_basis_name(enum up_basis basis);
const char *operation_kind_name(enum operation_kind kind); /* "split", "merge", "update" */

#endif
