/*
 * compare.h - the policies of others under the same load, on the same simulated AWS; and none at all.
 *
 * Internal to cli/.
 */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "backtest.h"
#include "peers.h"

/* One policy.  Fails as backtest_run(). */
int compare_run(const struct peer *peer, const struct backtest *backtest, struct backtest_result *ret_result,
                struct error *err);
/* As many even shards as backtest_peak_shards() says, from the beginning to the end. */
int compare_fixed(const struct backtest *backtest, struct backtest_result *ret_result, struct error *err);
/* All of peers[], one result for each, on all cores; the caller frees *ret_results. */
int compare_run_all(const struct backtest *backtest, struct backtest_result **ret_results, struct error *err);

#endif
