/*
 * history.h - what a stream's producers have offered, as CloudWatch remembers it.
 *
 * Internal to cli/.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "aws/client.h"
#include "sim/sim.h"

enum { HISTORY_DAYS_MAX = 455 }; /* CloudWatch forgets what is older, however coarse */

struct history {
    struct sim_load load;     /* minute by minute: accepted and throttled; dated */
    int64_t open_shards;      /* now */
    int64_t idle_minutes;     /* without a datapoint: nothing was put */
    int64_t mended_minutes;   /* with bytes or records only */
    int64_t coarse_minutes;   /* known only as a part of a longer sum */
    double throttled_records; /* of the load */
    double throttled_bytes;
    double rejections; /* what CloudWatch counted */
};

/*
 * The last `days` (1 to HISTORY_DAYS_MAX) before now_ms, or as long as the stream exists.  CloudWatch keeps one-minute
 * sums for 15 days, five-minute sums for 63 and hourly sums for 455, so what is older is known the less exactly: its
 * sums are spread evenly over their minutes.
 *
 * CloudWatch counts records that were throttled and not their bytes: they are taken to have been as large as the
 * records accepted in the same period, in the mean; in a period that accepted none, as those of the whole history.  A
 * record that its producer sends again is counted again; so, as by the engine, the load of a period is believed up to
 * DEMAND_OVER_ACCEPTED_MAX times what was accepted in it.  A period with bytes or records only gets the other by the mean
 * size of all records; where no period has both, by one of 1 KiB.
 *
 * ERROR_CONFIG: there is no such stream, or nothing was put into it.  ERROR_AUTH names the action that must be allowed.
 * Others as the AWS client has them.  *ret_history: history_clear() it.
 */
int history_fetch(struct aws_client *aws, const char *stream, int64_t days, int64_t now_ms,
                  struct history *ret_history, struct error *err);
void history_clear(struct history *history);
/* As CSV that sim_load_read() reads. */
int history_save(const struct history *history, const char *path, struct error *err);
/* What was fetched, in a few lines for people. */
void history_print(const struct history *history, const char *stream, FILE *file);

#endif
