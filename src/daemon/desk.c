/*
 * desk.c - a thread that works on the letters which the HTTP server's threads lay before it.
 */
#include "parts.h"

#include "base/memory.h"

static void *work(void *context)
{
    struct desk *desk = context;

    pthread_mutex_lock(&desk->mutex);
    for (;;) {
        struct letter *letters = desk->first, *last = letters;

        if (letters == NULL && desk->closing)
            break;
        if (letters == NULL) {
            pthread_cond_wait(&desk->changed, &desk->mutex);
            continue;
        }
        desk->count--;
        for (size_t taken = 1; taken < desk->at_once && last->next != NULL; taken++) {
            last = last->next;
            desk->count--;
        }
        desk->first = last->next;
        last->next = NULL;
        pthread_mutex_unlock(&desk->mutex);
        desk->work(desk->daemon, letters);
        pthread_mutex_lock(&desk->mutex);
    }
    pthread_mutex_unlock(&desk->mutex);
    return NULL;
}

int desk_open(struct desk *desk, struct error *err)
{
    int code;

    (void)pthread_mutex_init(&desk->mutex, NULL);
    (void)pthread_cond_init(&desk->changed, NULL);
    code = pthread_create(&desk->thread, NULL, work, desk);
    if (code != 0)
        return error_set(err, ERROR_BUG, "cannot start a thread: %s", strerror(code));
    desk->open = true;
    return 0;
}

void desk_close(struct desk *desk)
{
    if (!desk->open)
        return;
    pthread_mutex_lock(&desk->mutex);
    desk->closing = true;
    pthread_cond_signal(&desk->changed);
    pthread_mutex_unlock(&desk->mutex);
    pthread_join(desk->thread, NULL);
    pthread_cond_destroy(&desk->changed);
    pthread_mutex_destroy(&desk->mutex);
}

bool desk_put(struct desk *desk, struct letter *letter)
{
    bool room;

    letter->next = NULL;
    pthread_mutex_lock(&desk->mutex);
    room = desk->count < desk->room;
    if (room) {
        *(desk->first == NULL ? &desk->first : &desk->last->next) = letter;
        desk->last = letter;
        desk->count++;
        pthread_cond_signal(&desk->changed);
    }
    pthread_mutex_unlock(&desk->mutex);
    return room;
}
