/*
 * down.h - the parts of a scale-down that a pass over many streams and a turn of one share.
 *
 * Internal to engine/.
 */
#ifndef ENGINE_DOWN_H
#define ENGINE_DOWN_H

#include "scaling/plan_down.h"
#include "turn.h"

/* One stream, and what CloudWatch says of its window.  Begins with the first three members set. */
struct down_subject {
    const struct stream_config *config;
    const struct shard_map *shards; /* borrowed */
    bool by_shard;                  /* ask for shard-level metrics too */
    struct load_point *points;
    bool *witnessed;
    size_t point_count;
    struct load_point **shard_points; /* a row per shard; NULL unless by_shard was set */
    double iterator_age_ms;           /* how far behind the slowest consumer is; NAN when nobody says */
};

/* How many series down_look() asks for. */
size_t down_query_count(const struct down_subject *subject);
/* Unix ms where the last complete period ends. */
int64_t down_window_end(int64_t now_ms);
/* Fills all subjects with as few GetMetricData calls as AWS allows; down_subject_clear() each. */
int down_look(struct engine *engine, struct down_subject *subjects, size_t count, int64_t now_ms,
              struct error *err);
void down_subject_clear(struct down_subject *subject);

/* Whatever the load was, what forbids a scale-down?  False with the reason. */
bool down_gate(const struct stream_state *state, const struct stream_config *config, bool forced,
               int64_t now_ms, char *reason, size_t size);
bool down_stream_fits(const struct stream_summary *summary, char *reason, size_t size);
bool down_is_drained(const struct down_subject *subject, const struct stream_state *state, int64_t now_ms,
                     char *reason, size_t size);

/* Why shards are given back; stored as goal_basis of the action. */
enum down_aim {
    DOWN_BY_LOAD,    /* a whole window did not need them */
    DOWN_TO_MAXIMUM, /* they are more than max_shards */
};

/* down_plan_clear() the plan. */
void down_think(const struct down_subject *subject, const struct stream_summary *summary, enum down_aim aim,
                int64_t now_ms, int updates_24h, double update_seconds_per_shard, struct down_plan *ret_plan);

/* ---- busy.c: what passes need not ask CloudWatch again */

void busy_list_init(struct busy_list *list);
void busy_list_clear(struct busy_list *list);
/* Keeps a plan that holds because a period was too busy; any other is passed over.  All is copied. */
void busy_remember(struct busy_list *list, const struct stream_config *config, const struct shard_map *shards,
                   const struct down_plan *plan);
/* Would a look at the whole window hold for a period that is known already?  With the plan of that time. */
bool busy_recall(struct busy_list *list, const struct stream_config *config, const struct shard_map *shards,
                 int64_t now_ms, struct down_plan *ret_plan);

/* ---- down_turn.c: what a turn does of it */

/* Nothing runs and a pass or a look at everything found something: looks at the stream once more and begins an
 * action, or holds. */
int down_begin(struct turn *turn, enum down_aim aim, struct error *err);
/* State PLANNING of a scale-down.  The event is EVENT_NEEDS_STEP with an operation, or EVENT_NEEDS_NOTHING. */
int down_observe(struct turn *turn, enum action_event *ret_event, struct operation *ret_operation,
                 struct error *err);

#endif
