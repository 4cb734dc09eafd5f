/*
 * spreads.h - how the load of a stream lies over its hash keys, kept from look to look.
 *
 * What a power cut takes is measured again.
 */
#ifndef STORE_SPREADS_H
#define STORE_SPREADS_H

#include "scaling/spread.h"
#include "store/store.h"

/* Replaces what was; read_ms: when the metrics of the shards were asked for, whatever they told. */
int store_spread_set(struct store *store, const char *stream, const struct spread *spread, int64_t read_ms,
                     struct error *err);
/* Nothing, and *ret_read_ms 0, where there is none yet.  The caller's: spread_clear() it. */
int store_spread_load(struct store *store, const char *stream, struct spread *ret_spread,
                      int64_t *ret_read_ms, struct error *err);
/* Of streams that nobody asks about any more: what was read before then. */
int store_spreads_forget(struct store *store, int64_t before_ms, struct error *err);

#endif
