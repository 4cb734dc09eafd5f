/*
 * peers.h - how other autoscalers decide, as state machines that are asked once a minute.
 *
 * Internal to cli/, and pure: no clock, no AWS, no file.  compare.c carries out what they ask for, on the same
 * simulated AWS as kinescale has.  Constants and behaviour are those of the projects' sources, with the settings of
 * their own samples, weaknesses included; defects that keep one from working at all are left out.
 */
#ifndef CLI_PEERS_H
#define CLI_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- peer_alarm.c: what they read */

enum { PEER_HISTORY_KEPT = 2048 }; /* minutes; a day and some */

/* Running sums of what CloudWatch shows; those of the first n minutes of the load are at n % PEER_HISTORY_KEPT. */
struct peer_history {
    int64_t count; /* minutes there are */
    double bytes[PEER_HISTORY_KEPT], records[PEER_HISTORY_KEPT], throttled[PEER_HISTORY_KEPT];
};
void peer_history_add(struct peer_history *history, double bytes, double records, double throttled);
/*
 * How full `shards` shards were, by bytes or records, in the `length` minutes that ended `ago` minutes before the
 * newest; 1 is full.  All of them must be there: ago + length <= count, and below PEER_HISTORY_KEPT.
 */
double peer_utilization(const struct peer_history *history, int64_t ago, int64_t length, int64_t shards);
double peer_throttled(const struct peer_history *history, int64_t ago, int64_t length); /* records */

enum peer_alarm_state { PEER_OK, PEER_ALARM, PEER_INSUFFICIENT_DATA };

/* On utilization, in windows back to back that slide with every minute.  Missing data keep the state as it is. */
struct peer_alarm {
    int64_t period;          /* minutes */
    int64_t needed, periods; /* so many of so many windows must breach */
    bool low;                /* breaches below the threshold, else at or above it */
    bool or_equal;           /* of a low one: at it, too */
    double threshold;
    enum peer_alarm_state state;
};
/* Evaluates; true when it changes into ALARM, which is when its action runs. */
bool peer_alarm_fires(struct peer_alarm *alarm, const struct peer_history *history, int64_t shards);

/* ---- peers.c: what they decide */

enum peer_deed {
    PEER_NOTHING,
    PEER_UPDATE, /* UpdateShardCount to `target` */
    PEER_SPLIT,  /* the widest shard in its middle */
    PEER_MERGE,  /* the two neighbours that are narrowest together */
    PEER_SWEEP,  /* the next split or merge on the way to `target` even shards */
};
struct peer_wish {
    enum peer_deed deed;
    int64_t target;
};
/* What became of the last wish. */
enum peer_outcome {
    PEER_NONE, /* there was none */
    PEER_ACCEPTED,
    PEER_BUSY,    /* ResourceInUseException */
    PEER_REFUSED, /* a limit, or an argument */
    PEER_REACHED, /* a sweep has nothing left to do */
};

struct peer_view {
    int64_t now_ms;
    bool new_minute;  /* CloudWatch has another minute; else the stream has just come to rest */
    int64_t open;     /* OpenShardCount */
    bool active;      /* else UPDATING */
    int64_t start_ms; /* of the load */
    int64_t min_shards, max_shards, initial_shards; /* what the operator gave */
    enum peer_outcome outcome;
    const struct peer_history *history;
};

struct peer_state {
    bool begun;
    /* those with alarms */
    struct peer_alarm up, down;
    bool down_is_off;
    int64_t alarm_shards; /* what the alarms divide by */
    struct peer_wish last;
    bool last_up;
    bool waiting;      /* for the stream to rest after a call */
    int retries;       /* left */
    int64_t retry_ms;  /* INT64_MAX: none is due */
    int64_t scaled_ms; /* when it last scaled */
    /* those with a loop */
    bool sweeping;
    int64_t check_ms, capacity, capacity_ms, up_ms, down_ms;
    /* those with a pass */
    int64_t rest_until_ms, pass_ms, merges_left;
};

struct peer {
    const char *key, *name, *what;
    bool repeats_missing; /* a minute without a datapoint counts as the one before it; else as 0 */
    double alarm_metrics; /* that CloudWatch bills for its alarms */
    /* Asked every minute, after each deed and when the stream rests again. */
    struct peer_wish (*decide)(const struct peer *peer, struct peer_state *state,
                               const struct peer_view *view);
    const void *settings; /* of decide */
};

extern const struct peer peers[];
extern const size_t peer_count;

#endif
