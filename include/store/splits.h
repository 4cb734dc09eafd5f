/*
 * splits.h - the splits of a stream, and what they showed of its load.
 *
 * Kept because Kinesis names a shard's parent but no longer its range once retention is over, and CloudWatch has
 * what the children carried for fifteen days only.
 */
#ifndef STORE_SPLITS_H
#define STORE_SPLITS_H

#include "scaling/lineage.h"
#include "store/store.h"

/*
 * These are there now.  What is new is added with `now_ms` as its time; loads replace those of an earlier look unless
 * they are NAN.  A split of the same parent with another range is of an earlier stream of that name, and replaced.
 */
int store_splits_seen(struct store *store, const char *stream, const struct lineage_split *splits,
                      size_t count, int64_t now_ms, struct error *err);
/* Those that were found, or measured, since then; *ret_splits is the caller's to free, NULL when there are none. */
int store_splits_load(struct store *store, const char *stream, int64_t since_ms,
                      struct lineage_split **ret_splits, size_t *ret_count, struct error *err);

#endif
