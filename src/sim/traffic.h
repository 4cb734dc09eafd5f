/*
 * traffic.h - what flows into a stream: counted exactly, piece by piece of constant load.
 */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H

#include "metrics.h"

void model_traffic_free(struct traffic *traffic);
/* The part of what is offered to a shard that it takes, 0 to 1. */
double model_accepted_part(double bytes_s, double records_s);
/* Counts traffic, throttling and shard-hours up to `until_ms`.  Call it before anything changes. */
void model_traffic_count(struct stream *stream, int64_t until_ms);
/* Gives each open shard its share of the load; call it when shards or keys have changed. */
void model_traffic_share(struct stream *stream);
/* Writes the datapoints of the minute that began at `minute_ms` and begins the next one. */
void model_traffic_minute(struct sim *sim, struct stream *stream, int64_t minute_ms);
void model_traffic_unpin_shard(struct shard *shard);
void model_traffic_unpin_stream(struct stream *stream);

#endif
