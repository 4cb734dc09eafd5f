/*
 * sweep.h - the same load with other settings, each combination once, and which of them nothing else dominates.
 *
 * Internal to cli/.
 */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include "backtest.h"

#include "base/names.h"

enum { SWEEP_SETTINGS_MAX = 4, SWEEP_COMBINATIONS_MAX = 64 };

/*
 * `texts` are "setting=a,b,c", settings of a stream.  What the rules of streams.conf forbid is told and not tried; a
 * value that they forbid in every combination is an error.  `desired`: each run begins with its desired_shards, else
 * with backtest->initial_shards.  Prints to `file`.
 */
int sweep_run(const struct backtest *backtest, const struct names *texts, bool desired, bool json,
              const struct price_list *prices, FILE *file, struct error *err);
/* Fails as sweep_run() would for these texts; backtest->load may be missing. */
int sweep_check(const struct backtest *backtest, const struct names *texts, bool desired, struct error *err);

#endif
