/*
 * kinesis.h - the Kinesis operations the program uses (JSON 1.1).
 *
 * Errors carry the operation and stream: "DescribeStreamSummary 'orders': Rate exceeded ...".
 * CONFLICT: the stream is not ACTIVE.  NOT_FOUND: no such stream (or shard).  QUOTA: shard limit,
 * UpdateShardCount's bounds.  REFUSED: on-demand stream, invalid argument.  Others as in retry.h.
 */
#ifndef AWS_KINESIS_H
#define AWS_KINESIS_H

#include "aws/client.h"
#include "base/names.h"
#include "scaling/shards.h"

enum stream_status { STREAM_CREATING, STREAM_DELETING, STREAM_ACTIVE, STREAM_UPDATING };

struct stream_summary {
    enum stream_status status;
    bool on_demand;
    int64_t open_shards;
    int64_t created_ms;
    int64_t retention_hours;
    int64_t consumers;
    bool shard_bytes; /* shard-level metrics that are enabled (EnhancedMonitoring) */
    bool shard_records;
    bool shard_throttled;
    char arn[256];
};
const char *stream_status_name(enum stream_status status); /* "ACTIVE" */

int kinesis_describe_summary(struct aws_client *client, const char *stream,
                             struct stream_summary *ret_summary, struct error *err);
/* Open shards only (AT_LATEST; closed ones are dropped all the same), all pages, sorted.  An expired
 * NextToken begins the listing again, once.  Not checked for being a partition.  *ret_map begins zeroed. */
int kinesis_list_shards(struct aws_client *client, const char *stream, struct shard_map *ret_map,
                        struct error *err);
int kinesis_split(struct aws_client *client, const char *stream, const char *shard, hashkey new_start,
                  struct error *err);
int kinesis_merge(struct aws_client *client, const char *stream, const char *lower, const char *upper,
                  struct error *err);
int kinesis_update_count(struct aws_client *client, const char *stream, int64_t target, struct error *err);
/* All streams of the account and region, page by page; *ret_names begins zeroed. */
int kinesis_list_streams(struct aws_client *client, struct names *ret_names, struct error *err);
/* Turns on the shard-level metrics that alarms and plans rest on: bytes, records, throttled records.  Those
 * that are on already stay on. */
int kinesis_enable_shard_metrics(struct aws_client *client, const char *stream, struct error *err);
int kinesis_limits(struct aws_client *client, int64_t *ret_shard_limit, int64_t *ret_open_shards,
                   struct error *err);

#endif
