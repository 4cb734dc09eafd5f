/*
 * busy.c - a pass asks CloudWatch for the day of a stream only when the answer may be another than the last one.
 *
 * A stream that was too busy at noon is too busy until noon has left the window, unless it takes more by then.  Passes
 * come every hour and CloudWatch bills every series that it is asked for, so the period that decided is remembered.
 * Nothing hangs on this but that price, so it is kept in memory.
 */
#include "down.h"

#include "base/memory.h"
#include "base/text.h"

/* All that the hold was concluded from. */
struct busy {
    char stream[STREAM_NAME_SIZE];
    double capacity, threshold;
    int64_t window_ms;
    struct down_plan plan; /* has no operations */
};

void busy_list_init(struct busy_list *list)
{
    pthread_mutex_init(&list->mutex, NULL);
}

void busy_list_clear(struct busy_list *list)
{
    free(list->items);
    pthread_mutex_destroy(&list->mutex);
}

/* The list's mutex is held. */
static struct busy *find(const struct busy_list *list, const char *stream)
{
    for (size_t i = 0; i < list->count; i++) {
        if (text_equal(list->items[i].stream, stream))
            return &list->items[i];
    }
    return NULL;
}

void busy_remember(struct busy_list *list, const struct stream_config *config, const struct shard_map *shards,
                   const struct down_plan *plan)
{
    struct busy *busy;

    if (plan->hold != HOLD_BUSY)
        return;
    pthread_mutex_lock(&list->mutex);
    busy = find(list, config->name);
    if (busy == NULL) {
        list->items = must_realloc(list->items, list->count + 1, sizeof(*list->items));
        busy = &list->items[list->count++];
    }
    *busy = (struct busy){.capacity = shard_map_effective(shards),
                          .threshold = config->scale_down_threshold,
                          .window_ms = config->scale_down_window_ms,
                          .plan = *plan};
    (void)text_copy(busy->stream, sizeof(busy->stream), config->name);
    pthread_mutex_unlock(&list->mutex);
}

bool busy_recall(struct busy_list *list, const struct stream_config *config, const struct shard_map *shards,
                 int64_t now_ms, struct down_plan *ret_plan)
{
    int64_t start_ms = down_window_end(now_ms) - config->scale_down_window_ms;
    const struct busy *busy;
    bool still;

    pthread_mutex_lock(&list->mutex);
    busy = find(list, config->name);
    still = busy != NULL && busy->plan.worst_at_ms >= start_ms && busy->plan.worst_at_ms < now_ms &&
            busy->window_ms == config->scale_down_window_ms &&
            busy->threshold == config->scale_down_threshold &&
            busy->plan.from_shards == (int64_t)shards->count && busy->capacity == shard_map_effective(shards);
    if (still)
        *ret_plan = busy->plan;
    pthread_mutex_unlock(&list->mutex);
    return still;
}
