/*
 * peer_alarm.c - CloudWatch's alarms as other autoscalers use them: metric math on utilization, and state changes.
 */
#include "peers.h"

#include "scaling/limits.h"

#include <math.h>

static int place(int64_t minutes)
{
    return (int)(minutes % PEER_HISTORY_KEPT);
}

void peer_history_add(struct peer_history *history, double bytes, double records, double throttled)
{
    int before = place(history->count), after = place(++history->count);

    history->bytes[after] = history->bytes[before] + bytes;
    history->records[after] = history->records[before] + records;
    history->throttled[after] = history->throttled[before] + throttled;
}

static double sum(const struct peer_history *history, const double sums[PEER_HISTORY_KEPT], int64_t ago,
                  int64_t length)
{
    int64_t end = history->count - ago;

    return sums[place(end)] - sums[place(end - length)];
}

double peer_utilization(const struct peer_history *history, int64_t ago, int64_t length, int64_t shards)
{
    double seconds = 60.0 * (double)length * (double)shards;

    return fmax(sum(history, history->bytes, ago, length) / SHARD_BYTES_PER_S,
                sum(history, history->records, ago, length) / SHARD_RECORDS_PER_S) /
           seconds;
}

double peer_throttled(const struct peer_history *history, int64_t ago, int64_t length)
{
    return sum(history, history->throttled, ago, length);
}

static bool breaches(const struct peer_alarm *alarm, double utilization)
{
    if (!alarm->low)
        return utilization >= alarm->threshold;
    return alarm->or_equal ? utilization <= alarm->threshold : utilization < alarm->threshold;
}

bool peer_alarm_fires(struct peer_alarm *alarm, const struct peer_history *history, int64_t shards)
{
    int64_t breaching = 0, seen = 0;
    enum peer_alarm_state before = alarm->state;

    if (history->count < alarm->periods * alarm->period)
        return false;
    /* Until it is decided: most are after a few windows of hundreds. */
    while (seen < alarm->periods && breaching < alarm->needed &&
           breaching + alarm->periods - seen >= alarm->needed) {
        breaching += breaches(alarm, peer_utilization(history, seen * alarm->period, alarm->period, shards));
        seen++;
    }
    alarm->state = breaching >= alarm->needed ? PEER_ALARM : PEER_OK;
    return alarm->state == PEER_ALARM && before != PEER_ALARM;
}
