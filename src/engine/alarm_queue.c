/*
 * alarm_queue.c - one turn at a time changes alarms; the others come back when it may be their time.
 *
 * CloudWatch lets an account change three alarms a second.  With hundreds of streams to serve, or a stream with
 * hundreds of shards, workers that wait for that would leave no one for the alarm that fires meanwhile.  So one
 * worker at most stands at the quota, for some seconds; whoever finds it there leaves a due time, one slot after the
 * last that was given out.  A slot is no promise: who comes and finds the place taken goes to the end.  Nothing
 * hangs on this but time, so it is kept in memory.
 */
#include "turn.h"

enum {
    SLOT_MS = 1250,      /* the three alarms of a stream at 80 % of the quota */
    TURN_MS = 10 * 1000, /* of changes, before others have their time */
    LINE_MS = 60 * 1000, /* who waits looks again after this at the latest */
};

static void stand_in_line(struct turn *turn, struct alarm_queue *queue, int64_t now_ms)
{
    queue->end_ms = (queue->end_ms > now_ms ? queue->end_ms : now_ms) + SLOT_MS;
    if (queue->end_ms >
        now_ms + LINE_MS) /* slots that nobody came for, or more streams than a minute serves */
        queue->end_ms = now_ms + LINE_MS;
    turn->next_ms = queue->end_ms;
    turn->next_reasons = DUE_ACTION;
}

bool alarm_queue_enter(struct turn *turn)
{
    struct alarm_queue *queue = &turn->engine->alarm_queue;
    int64_t now_ms = clock_now_ms(turn->engine->clock);

    if (turn->in_alarm_queue)
        return true;
    pthread_mutex_lock(&queue->mutex);
    turn->in_alarm_queue = !queue->taken;
    if (queue->taken)
        stand_in_line(turn, queue, now_ms);
    queue->taken = true;
    pthread_mutex_unlock(&queue->mutex);
    return turn->in_alarm_queue;
}

bool alarm_queue_is_over(struct turn *turn)
{
    struct alarm_queue *queue = &turn->engine->alarm_queue;
    int64_t now_ms = clock_now_ms(turn->engine->clock);

    if (turn->changes_since_ms == 0) /* however long the looks took: every turn gets on */
        turn->changes_since_ms = now_ms;
    if (now_ms - turn->changes_since_ms < TURN_MS)
        return false;
    pthread_mutex_lock(&queue->mutex);
    stand_in_line(turn, queue, now_ms);
    pthread_mutex_unlock(&queue->mutex);
    return true;
}

void alarm_queue_leave(struct turn *turn)
{
    struct alarm_queue *queue = &turn->engine->alarm_queue;

    if (!turn->in_alarm_queue)
        return;
    pthread_mutex_lock(&queue->mutex);
    queue->taken = false;
    pthread_mutex_unlock(&queue->mutex);
    turn->in_alarm_queue = false;
}
