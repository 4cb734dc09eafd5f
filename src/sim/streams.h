/*
 * streams.h - what the rest of the model needs of streams.c.
 */
#ifndef SIM_STREAMS_H
#define SIM_STREAMS_H

#include "model.h"

void model_stream_free(struct stream *stream);
/* What is due at stream->event_ms.  A stream that was DELETING is gone afterwards. */
void model_stream_event(struct sim *sim, struct stream *stream);
/* Drops closed shards whose records have expired. */
void model_stream_expire(struct sim *sim, struct stream *stream);
/* AWS reads any prefix: "shardId-000000000007", "x-7" and "7" are the same. */
bool model_parse_shard_id(const char *text, int64_t *ret_index);
/* NULL when it is not shown. */
struct shard *model_find_shard(const struct stream *stream, int64_t index);

#endif
