/*
 * story.c - what happened while a load was replayed.
 */
#include "story.h"

#include "base/memory.h"

enum { MINUTE_MS = 60000 };

/* Shards are sorted by index, new ones come last; those that closed are put right. */
static void take_shard(struct story *story, const struct sim_shard *shard)
{
    size_t low = 0, high = story->shard_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (story->shards[middle].index < shard->index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < story->shard_count) {
        story->shards[low].closed_ms = shard->closed_ms;
        return;
    }
    story->shards = must_realloc(story->shards, story->shard_count + 1, sizeof(*story->shards));
    story->shards[story->shard_count] = *shard;
    if (shard->share <= 0) /* it came and went between two looks */
        story->shards[story->shard_count].share = hashkey_share(shard->start, shard->end);
    story->shard_count++;
}

static int look_at_shards(struct story *story, struct sim *sim, const char *stream, int64_t since_ms,
                          struct error *err)
{
    struct sim_shard *shards;
    size_t count;

    if (sim_stream_shards(sim, stream, since_ms, &shards, &count, err) < 0)
        return -1;
    story->widest = 0;
    story->open_shards = 0;
    for (size_t i = 0; i < count; i++) {
        take_shard(story, &shards[i]);
        if (shards[i].closed_ms != 0)
            continue;
        story->open_shards++;
        if (shards[i].share > story->widest)
            story->widest = shards[i].share;
    }
    free(shards);
    return 0;
}

int story_begin(struct story *story, struct sim *sim, const char *stream, int64_t start_ms, struct error *err)
{
    story->start_ms = start_ms;
    if (sim_stream_totals(sim, stream, &story->totals, err) < 0)
        return -1;
    return look_at_shards(story, sim, stream, start_ms, err);
}

static void add_minute(struct story *story, const struct sim_totals *now)
{
    if (story->minute_count == story->capacity) {
        story->capacity = story->capacity == 0 ? 1440 : 2 * story->capacity;
        story->minutes = must_realloc(story->minutes, story->capacity, sizeof(*story->minutes));
    }
    story->minutes[story->minute_count++] = (struct story_minute){
        .throttled_bytes = (float)(now->throttled_bytes - story->totals.throttled_bytes),
        .throttled_records = (float)(now->throttled_records - story->totals.throttled_records),
        .capacity = story->widest > 0 ? (float)(1 / story->widest) : (float)story->open_shards,
        .open_shards = story->open_shards};
}

int story_minute(struct story *story, struct sim *sim, const char *stream, struct error *err)
{
    int64_t began_ms = story->start_ms + (int64_t)story->minute_count * MINUTE_MS;
    struct sim_totals now;

    if (sim_stream_totals(sim, stream, &now, err) < 0)
        return -1;
    if ((now.splits != story->totals.splits || now.merges != story->totals.merges) &&
        look_at_shards(story, sim, stream, began_ms, err) < 0)
        return -1;
    add_minute(story, &now);
    story->totals = now;
    return 0;
}

/* The store gives the newest first. */
static void turn_round(void *items, size_t count, size_t size)
{
    char *low = items, *high = low + (count > 0 ? (count - 1) * size : 0);
    char *room = must_calloc(1, size);

    for (; low < high; low += size, high -= size) {
        memcpy(room, low, size);
        memcpy(low, high, size);
        memcpy(high, room, size);
    }
    free(room);
}

int story_end(struct story *story, struct store *store, struct error *err)
{
    if (store_actions_recent(store, NULL, STORY_ACTIONS_MAX, &story->actions, err) < 0 ||
        store_decisions_recent(store, NULL, STORY_DECISIONS_MAX, &story->decisions, err) < 0)
        return -1;
    turn_round(story->actions.items, story->actions.count, sizeof(*story->actions.items));
    turn_round(story->decisions.items, story->decisions.count, sizeof(*story->decisions.items));
    return 0;
}

void story_clear(struct story *story)
{
    free(story->minutes);
    free(story->shards);
    action_list_clear(&story->actions);
    decision_list_clear(&story->decisions);
    *story = (struct story){0};
}
