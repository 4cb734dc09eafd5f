/*
 * limits.h - what Kinesis and CloudWatch promise and forbid, as numbers.
 *
 * Sources: "CreateStream", "UpdateShardCount", "SplitShard" in the Kinesis API
 * reference; "Quotas and limits" in the Kinesis and CloudWatch guides.
 */
#ifndef SCALING_LIMITS_H
#define SCALING_LIMITS_H

/* Write capacity of one shard; bytes include the partition key (CreateStream). */
#define SHARD_BYTES_PER_S 1048576.0
#define SHARD_RECORDS_PER_S 1000.0

enum {
    SHARDS_PER_STREAM_MAX = 10000,  /* UpdateShardCount; also our ceiling for a listing */
    UPDATES_PER_DAY = 10,           /* UpdateShardCount: calls per stream per rolling 24 hours */
    UPDATES_KEPT_FOR_EMERGENCY = 2, /* ours: `auto` leaves these to streams that throttle */
    SPLIT_SECONDS = 30,   /* a split or merge, one at a time per stream (AWS FAQ: 30,000 s for 1,000) */
    UPDATE_SECONDS = 180, /* "a few minutes" (UpdateShardCount), until a stream has shown its own figure */
    STREAM_NAME_MAX = 128,
    STREAM_NAME_SIZE = STREAM_NAME_MAX + 1,
    SHARD_ID_SIZE = 129,
    ALARM_NAME_SIZE = 1021, /* 255 characters of up to 4 bytes */
    ARN_SIZE = 1601,
};

#endif
