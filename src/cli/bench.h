/*
 * bench.h - the simulated AWS in which a load is replayed, for whoever is tried on it.
 *
 * Internal to cli/.  bench_open(), then a scene with the stream is played, bench_begin() when the clock says start_ms,
 * bench_end() when the load is over, bench_close() in any case.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "aws/endpoint.h"
#include "backtest.h"
#include "cli/inprocess.h"

enum { BENCH_SHARDS_MAX = 20000 }; /* what AWS allows an account in a large region unless asked */

/* Between the client and the simulated AWS: notes every resharding call. */
struct recorder {
    struct transport transport; /* first */
    struct sim_transport inner;
    FILE *file; /* NULL: not written */
    int64_t start_ms;
    int64_t refused, refused_updates;
};

struct bench {
    const struct backtest *backtest;
    struct arn topic;
    int64_t start_ms; /* where the load begins; the clock is some minutes before */
    struct virtual_clock clock;
    struct sim *sim;
    struct recorder recorder;
    struct credentials_provider *credentials;
    struct aws_client *aws;
    struct sim_totals before; /* when the load began */
    int64_t metrics_before;   /* sim_metrics_requested() then */
};

/* `bench` begins zeroed and must not be moved.  ERROR_CONFIG for a topic that is none. */
int bench_open(struct bench *bench, const struct backtest *backtest, struct error *err);
void bench_close(struct bench *bench);
/* Producers begin.  `operations` gets every resharding call from now on; NULL: nothing. */
int bench_begin(struct bench *bench, FILE *operations, struct error *err);
/* What it came to, from bench_begin() until now; failed_turns is the caller's. */
int bench_end(struct bench *bench, struct backtest_result *ret_result, struct error *err);

#endif
