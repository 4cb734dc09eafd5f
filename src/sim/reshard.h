/*
 * reshard.h - what an UPDATING stream goes through: a list of splits and merges, one after the other.
 */
#ifndef SIM_RESHARD_H
#define SIM_RESHARD_H

#include "model.h"

struct range {
    hashkey start, end; /* inclusive */
};
struct reshard_op {
    bool split;
    hashkey start; /* of the open shard to split, or of the lower one to merge */
    hashkey at;    /* a split's new start */
};
struct reshard {
    struct reshard_op *ops;
    size_t count, done;
    int64_t peak; /* the most shards that are open at a time */
    bool at_once; /* all operations at the end of one span (sim_options.update_ms) */
};

/* One operation; the caller frees it with model_reshard_free(). */
struct reshard *model_reshard_one(struct reshard_op op, int64_t open_shards);
/*
 * UpdateShardCount: from the lowest range up, shards are cut and joined until `target` even ones are there.
 * `ranges` is a partition in order.  For n even shards and target m: m - g splits and n - g merges, where g
 * is their greatest common divisor.  Without operations when the shards are as they shall be.
 */
struct reshard *model_reshard_uniform(const struct range *ranges, size_t count, int64_t target);
void model_reshard_free(struct reshard *reshard); /* accepts NULL */

/* Open shards in the order of their ranges, also those not shown; the caller frees. */
struct range *model_open_ranges(const struct stream *stream, size_t *ret_count);

/* The stream becomes UPDATING; it takes the reshard over. */
void model_reshard_begin(struct sim *sim, struct stream *stream, struct reshard *reshard);
/* At stream->event_ms: what is due is done; ACTIVE again after the last. */
void model_reshard_step(struct sim *sim, struct stream *stream);
/* Makes an open shard with the next id. */
struct shard *model_add_shard(struct sim *sim, struct stream *stream, struct range range, int64_t parent,
                              int64_t adjacent);

#endif
