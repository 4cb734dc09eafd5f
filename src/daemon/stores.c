/*
 * stores.c - a handle is for one thread at a time; the HTTP server's threads borrow one per request.
 */
#include "parts.h"

void stores_init(struct stores *stores, const char *path)
{
    pthread_mutex_init(&stores->mutex, NULL);
    stores->path = path;
    stores->idle_count = 0;
}

void stores_clear(struct stores *stores)
{
    while (stores->idle_count > 0)
        store_close(stores->idle[--stores->idle_count]);
    pthread_mutex_destroy(&stores->mutex);
}

struct store *stores_take(struct stores *stores, struct error *err)
{
    struct store *store = NULL;

    pthread_mutex_lock(&stores->mutex);
    if (stores->idle_count > 0)
        store = stores->idle[--stores->idle_count];
    pthread_mutex_unlock(&stores->mutex);
    if (store == NULL && store_open(stores->path, &store, err) < 0)
        return NULL;
    return store;
}

void stores_give(struct stores *stores, struct store *store)
{
    pthread_mutex_lock(&stores->mutex);
    if (stores->idle_count < STORES_MAX) {
        stores->idle[stores->idle_count++] = store;
        store = NULL;
    }
    pthread_mutex_unlock(&stores->mutex);
    store_close(store);
}
