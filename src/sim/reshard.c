/*
 * reshard.c - splits and merges, and the sweep behind UpdateShardCount.
 *
 * While a stream is UPDATING its old shards are shown as they were; new ones appear, and closed ones get
 * their ending sequence number, when it is ACTIVE again.  Load moves to the children as each operation ends.
 */
#include "reshard.h"

#include "traffic.h"

#include "base/memory.h"

struct reshard *model_reshard_one(struct reshard_op op, int64_t open_shards)
{
    struct reshard *reshard = must_calloc(1, sizeof(*reshard));

    reshard->ops = must_calloc(1, sizeof(*reshard->ops));
    reshard->ops[0] = op;
    reshard->count = 1;
    reshard->peak = op.split ? open_shards + 1 : open_shards;
    return reshard;
}

void model_reshard_free(struct reshard *reshard)
{
    if (reshard == NULL)
        return;
    free(reshard->ops);
    free(reshard);
}

/* ---- the sweep */

struct sweep {
    struct reshard *reshard;
    size_t capacity;
    struct range *stack; /* the lowest range on top */
    size_t depth;
    int64_t open;
};

static void add_op(struct sweep *sweep, struct reshard_op op)
{
    struct reshard *reshard = sweep->reshard;

    if (reshard->count == sweep->capacity) {
        sweep->capacity = sweep->capacity == 0 ? 64 : 2 * sweep->capacity;
        reshard->ops = must_realloc(reshard->ops, sweep->capacity, sizeof(*reshard->ops));
    }
    reshard->ops[reshard->count++] = op;
    sweep->open += op.split ? 1 : -1;
    if (sweep->open > reshard->peak)
        reshard->peak = sweep->open;
}

/* Cuts `range` after `end`; the upper part goes back on to the stack. */
static void cut(struct sweep *sweep, struct range *range, hashkey end)
{
    add_op(sweep, (struct reshard_op){true, range->start, end + 1});
    sweep->stack[sweep->depth++] = (struct range){end + 1, range->end};
    range->end = end;
}

/* Makes one shard that ends at `end`, give or take what rounding left; the last one takes all there is. */
static void sweep_to(struct sweep *sweep, hashkey end)
{
    const hashkey tolerance = end == HASHKEY_MAX ? 0 : HASHKEY_MAX / 1000000000;
    struct range low = sweep->stack[--sweep->depth];

    while (low.end < end && end - low.end > tolerance && sweep->depth > 0) {
        struct range next = sweep->stack[--sweep->depth];

        if (next.end > end && next.end - end > tolerance)
            cut(sweep, &next, end);
        add_op(sweep, (struct reshard_op){false, low.start, 0});
        low.end = next.end;
    }
    if (low.end > end && low.end - end > tolerance)
        cut(sweep, &low, end);
}

struct reshard *model_reshard_uniform(const struct range *ranges, size_t count, int64_t target)
{
    struct sweep sweep = {.reshard = must_calloc(1, sizeof(*sweep.reshard)), .open = (int64_t)count};

    sweep.reshard->peak = (int64_t)count;
    sweep.stack = must_calloc(count + 2, sizeof(*sweep.stack));
    for (size_t i = count; i-- > 0;)
        sweep.stack[sweep.depth++] = ranges[i];
    for (int64_t i = 1; i <= target && sweep.depth > 0; i++)
        sweep_to(&sweep, i == target ? HASHKEY_MAX : hashkey_even_start((unsigned)i, (unsigned)target) - 1);
    free(sweep.stack);
    return sweep.reshard;
}

/* ---- carrying it out */

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

struct range *model_open_ranges(const struct stream *stream, size_t *ret_count)
{
    struct range *ranges = must_calloc(stream->shard_count + 1, sizeof(*ranges));
    size_t count = 0;

    for (size_t i = 0; i < stream->shard_count; i++) {
        if (stream->shards[i].closed_ms == 0)
            ranges[count++] = (struct range){stream->shards[i].start, stream->shards[i].end};
    }
    qsort(ranges, count, sizeof(*ranges), compare_ranges);
    *ret_count = count;
    return ranges;
}

struct shard *model_add_shard(struct sim *sim, struct stream *stream, struct range range, int64_t parent,
                              int64_t adjacent)
{
    struct shard *shard;

    stream->shards = must_realloc(stream->shards, stream->shard_count + 1, sizeof(*stream->shards));
    shard = &stream->shards[stream->shard_count++];
    *shard = (struct shard){
        .index = stream->next_index++,
        .start = range.start,
        .end = range.end,
        .parent = parent,
        .adjacent_parent = adjacent,
        .created_ms = sim->now_ms,
    };
    return shard;
}

static struct shard *open_at(struct stream *stream, hashkey start)
{
    for (size_t i = 0; i < stream->shard_count; i++) {
        if (stream->shards[i].closed_ms == 0 && stream->shards[i].start == start)
            return &stream->shards[i];
    }
    abort(); /* a plan is made from the shards it is carried out on */
}

static void close_shard(struct sim *sim, struct shard *shard)
{
    shard->closed_ms = sim->now_ms;
}

static void carry_out(struct sim *sim, struct stream *stream, const struct reshard_op *op)
{
    struct shard *shard = open_at(stream, op->start);
    struct range range = {shard->start, shard->end};
    int64_t parent = shard->index;

    close_shard(sim, shard);
    if (op->split) {
        stream->totals.splits++;
        (void)model_add_shard(sim, stream, (struct range){range.start, op->at - 1}, parent, -1);
        (void)model_add_shard(sim, stream, (struct range){op->at, range.end}, parent, -1);
    } else {
        struct shard *upper = open_at(stream, range.end + 1);

        stream->totals.merges++;
        close_shard(sim, upper);
        range.end = upper->end;
        (void)model_add_shard(sim, stream, range, parent, upper->index);
    }
}

static int64_t step_ms(const struct sim *sim, const struct reshard *reshard)
{
    return reshard->at_once ? sim->update_ms : sim->split_ms;
}

void model_reshard_begin(struct sim *sim, struct stream *stream, struct reshard *reshard)
{
    stream->status = MODEL_UPDATING;
    stream->reshard = reshard;
    stream->reserved_shards = reshard->peak;
    stream->updating_since_ms = sim->now_ms;
    stream->listed_below = stream->next_index;
    stream->event_ms = sim->now_ms + step_ms(sim, reshard);
}

void model_reshard_step(struct sim *sim, struct stream *stream)
{
    struct reshard *reshard = stream->reshard;
    size_t until = reshard->at_once ? reshard->count : reshard->done + 1;

    model_traffic_count(stream, sim->now_ms);
    while (reshard->done < until)
        carry_out(sim, stream, &reshard->ops[reshard->done++]);
    model_traffic_share(stream);
    if (reshard->done < reshard->count) {
        stream->event_ms = sim->now_ms + step_ms(sim, reshard);
        return;
    }
    model_reshard_free(reshard);
    stream->reshard = NULL;
    stream->reserved_shards = 0;
    stream->status = MODEL_ACTIVE;
    stream->updating_since_ms = INT64_MAX;
    stream->listed_below = INT64_MAX;
    stream->event_ms = INT64_MAX;
}

/* ---- sim.h */

int sim_stream_shards(struct sim *sim, const char *name, int64_t since_ms, struct sim_shard **ret_shards,
                      size_t *ret_count, struct error *err)
{
    struct stream *stream;
    struct sim_shard *shards;
    struct fault fault;
    size_t count = 0;

    model_lock(sim);
    if (model_find_stream(sim, name, &stream, &fault) < 0) {
        model_unlock(sim);
        return error_set(err, ERROR_NOT_FOUND, "no stream '%.128s'", name);
    }
    shards = must_calloc(stream->shard_count + 1, sizeof(*shards));
    for (size_t i = 0; i < stream->shard_count; i++) {
        const struct shard *shard = &stream->shards[i];

        if (shard->closed_ms == 0 || shard->closed_ms >= since_ms)
            shards[count++] = (struct sim_shard){shard->index,      shard->start,     shard->end,
                                                 shard->created_ms, shard->closed_ms, shard->share};
    }
    model_unlock(sim);
    *ret_shards = shards;
    *ret_count = count;
    return 0;
}
