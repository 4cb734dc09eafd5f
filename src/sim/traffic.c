/*
 * traffic.c - offered load meets the shards' limits.
 *
 * A shard takes 1,048,576 bytes and 1000 records a second.  While load and shards stay as they are, what it
 * accepts is a product, so a minute costs one pass over the shards unless something changes in it.  Metrics
 * tell only what AWS tells: accepted bytes and records, and how many records were rejected.
 */
#include "traffic.h"

#include "keys.h"
#include "load.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

static const double shard_bytes_s = 1048576, shard_records_s = 1000, put_unit_bytes = 25600;

struct traffic {
    struct load *load;
    struct keys *keys;
    int64_t since_ms;
};

void model_traffic_free(struct traffic *traffic)
{
    if (traffic == NULL)
        return;
    model_load_free(traffic->load);
    model_keys_free(traffic->keys);
    free(traffic);
}

/* ---- counting */

double model_accepted_part(double bytes_s, double records_s)
{
    double part = 1;

    if (bytes_s > shard_bytes_s)
        part = shard_bytes_s / bytes_s;
    if (records_s > shard_records_s && shard_records_s / records_s < part)
        part = shard_records_s / records_s;
    return part;
}

/* What AWS bills for a record of the offer. */
struct billed {
    double put_units, kib;
};

/* A mean of doubles may lie a hair above a whole number of bytes. */
static struct billed billed_of(const struct offer *offer)
{
    double bytes = offer->records_s > 0 ? fmax(1, round(offer->bytes_s / offer->records_s)) : 0;

    return (struct billed){ceil(bytes / put_unit_bytes), ceil(bytes / 1024)};
}

static void count_shard(struct stream *stream, struct shard *shard, const struct offer *offer,
                        const struct billed *billed, double seconds)
{
    struct sim_totals *totals = &stream->totals;
    double part = model_accepted_part(offer->bytes_s * shard->share, offer->records_s * shard->share);
    double bytes = offer->bytes_s * shard->share * seconds,
           records = offer->records_s * shard->share * seconds;

    totals->offered_bytes += bytes;
    totals->offered_records += records;
    totals->accepted_bytes += bytes * part;
    totals->accepted_records += records * part;
    totals->offered_put_units += records * billed->put_units;
    totals->accepted_put_units += records * part * billed->put_units;
    totals->offered_kib += records * billed->kib;
    shard->accepted_bytes += bytes * part;
    shard->accepted_records += records * part;
    if (part < 1) {
        totals->throttled_bytes += bytes - bytes * part;
        totals->throttled_records += records - records * part;
        shard->throttled_records += records - records * part;
        stream->throttled_this_minute = true;
    }
}

/* From stream->counted_ms to `until_ms`, during which the offer stays as it is. */
static void count_piece(struct stream *stream, const struct offer *offer, int64_t until_ms)
{
    int64_t duration_ms = until_ms - stream->counted_ms;
    struct billed billed = billed_of(offer);
    int64_t open = 0;

    for (size_t i = 0; i < stream->shard_count; i++) {
        struct shard *shard = &stream->shards[i];

        if (shard->closed_ms != 0)
            continue;
        open++;
        if (offer->records_s > 0)
            count_shard(stream, shard, offer, &billed, (double)duration_ms / 1000);
    }
    if (open > stream->totals.peak_shards)
        stream->totals.peak_shards = open;
    stream->open_shard_ms += open * duration_ms;
    stream->counted_ms = until_ms;
}

void model_traffic_count(struct stream *stream, int64_t until_ms)
{
    while (stream->counted_ms < until_ms) {
        struct offer offer = {.until_ms = INT64_MAX};

        if (stream->traffic != NULL)
            offer = model_load_at(stream->traffic->load, stream->traffic->since_ms, stream->counted_ms);
        count_piece(stream, &offer, offer.until_ms < until_ms ? offer.until_ms : until_ms);
    }
}

void model_traffic_share(struct stream *stream)
{
    for (size_t i = 0; i < stream->shard_count; i++) {
        struct shard *shard = &stream->shards[i];

        shard->share = stream->traffic == NULL || shard->closed_ms != 0
                           ? 0
                           : model_keys_share(stream->traffic->keys, shard->start, shard->end);
    }
}

/* ---- datapoints */

/* What one minute brought to a shard, or to all of a stream. */
struct minute_counts {
    double bytes, records, throttled;
};

/* In the order of shard->series and, for the first three, stream->series. */
enum { SERIES_BYTES, SERIES_RECORDS, SERIES_EXCEEDED, SERIES_PUT_THROTTLED, SERIES_GET_SUCCESS };
static const struct {
    const char *name, *unit;
    unsigned bit; /* of shard-level monitoring */
} written[] = {
    [SERIES_BYTES] = {"IncomingBytes", "Bytes", SHARD_INCOMING_BYTES},
    [SERIES_RECORDS] = {"IncomingRecords", "Count", SHARD_INCOMING_RECORDS},
    [SERIES_EXCEEDED] = {"WriteProvisionedThroughputExceeded", "Count", SHARD_WRITE_EXCEEDED},
    [SERIES_PUT_THROTTLED] = {"PutRecords.ThrottledRecords", "Count", 0},
    [SERIES_GET_SUCCESS] = {"GetRecords.Success", "Count", 0},
};

static struct series *pin_series(struct sim *sim, const char *stream, const char *shard, int which)
{
    struct dimension dimensions[] = {{(char *)"StreamName", (char *)stream},
                                     {(char *)"ShardId", (char *)shard}};
    struct metric_name name = {(char *)"AWS/Kinesis", (char *)written[which].name, dimensions,
                               shard == NULL ? 1 : 2};
    struct series *series = model_series_pin(sim->metrics, &name);

    model_series_set_unit(series, written[which].unit);
    return series;
}

static void write_point(struct sim *sim, struct stream *stream, struct shard *shard, int which,
                        const struct datapoint *point)
{
    struct series **series = shard == NULL ? &stream->series[which] : &shard->series[which];
    char id[MODEL_SHARD_ID_SIZE];

    if (*series == NULL) {
        if (shard != NULL)
            model_shard_id(shard->index, id);
        *series = pin_series(sim, stream->name, shard == NULL ? NULL : id, which);
    }
    model_series_add(*series, point);
}

/* Minimum and maximum are those of single puts: each record counts as one. */
static void point_of(const struct minute_counts *counts, int which, int64_t minute_ms,
                     struct datapoint *ret_point)
{
    double tried = counts->records + counts->throttled;
    double size = counts->records > 0 ? counts->bytes / counts->records : 0;

    switch (which) {
    case SERIES_BYTES:
        *ret_point = (struct datapoint){minute_ms, counts->bytes, counts->records, size, size};
        break;
    case SERIES_RECORDS:
        *ret_point = (struct datapoint){minute_ms, counts->records, counts->records, 1, 1};
        break;
    default:
        *ret_point = (struct datapoint){minute_ms, counts->throttled, tried, counts->records > 0 ? 0 : 1,
                                        counts->throttled > 0 ? 1 : 0};
    }
}

static void write_shard(struct sim *sim, struct stream *stream, struct shard *shard,
                        const struct minute_counts *counts, int64_t minute_ms)
{
    for (int which = SERIES_BYTES; which <= SERIES_EXCEEDED; which++) {
        struct datapoint point;

        if ((stream->enhanced & written[which].bit) == 0)
            continue;
        point_of(counts, which, minute_ms, &point);
        write_point(sim, stream, shard, which, &point);
    }
}

/* CloudWatch counts whole bytes and records; the rest stays for the next minute. */
static double take_whole(double *count)
{
    double whole = floor(*count);

    *count -= whole;
    return whole;
}

void model_traffic_minute(struct sim *sim, struct stream *stream, int64_t minute_ms)
{
    struct minute_counts all = {0};

    for (size_t i = 0; i < stream->shard_count; i++) {
        struct shard *shard = &stream->shards[i];
        struct minute_counts counts = {.records = take_whole(&shard->accepted_records),
                                       .throttled = take_whole(&shard->throttled_records)};

        if (counts.records + counts.throttled <= 0)
            continue;
        if (counts.records > 0)
            counts.bytes = take_whole(&shard->accepted_bytes);
        all.bytes += counts.bytes;
        all.records += counts.records;
        all.throttled += counts.throttled;
        if (stream->enhanced != 0)
            write_shard(sim, stream, shard, &counts, minute_ms);
    }
    for (int which = SERIES_BYTES; which <= SERIES_PUT_THROTTLED && all.records > 0; which++) {
        struct datapoint point;

        point_of(&all, which, minute_ms, &point);
        write_point(sim, stream, NULL, which, &point);
    }
    if (stream->consumer && stream->status != MODEL_CREATING) { /* one call a second and shard, all good */
        double calls = 60.0 * (double)model_open_shards(stream);

        write_point(sim, stream, NULL, SERIES_GET_SUCCESS,
                    &(struct datapoint){minute_ms, calls, calls, 1, 1});
    }
    stream->totals.minutes_throttled += stream->throttled_this_minute;
    stream->throttled_this_minute = false;
}

void model_traffic_unpin_shard(struct shard *shard)
{
    for (size_t i = 0; i < COUNT_OF(shard->series); i++)
        model_series_unpin(shard->series[i]);
}

void model_traffic_unpin_stream(struct stream *stream)
{
    for (size_t i = 0; i < COUNT_OF(stream->series); i++)
        model_series_unpin(stream->series[i]);
    for (size_t i = 0; i < stream->shard_count; i++)
        model_traffic_unpin_shard(&stream->shards[i]);
}

/* ---- sim.h */

static struct stream *find(struct sim *sim, const char *name, struct error *err)
{
    struct stream *stream = NULL;
    struct fault fault;

    if (model_find_stream(sim, name, &stream, &fault) < 0)
        (void)error_set(err, ERROR_NOT_FOUND, "no stream '%.128s'", name);
    return stream;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0;

    for (; *text != '\0'; text++)
        hash = model_mix(hash ^ (unsigned char)*text);
    return hash;
}

/* Takes `load` over, also when it fails. */
static int set_traffic(struct sim *sim, const char *stream_name, struct load *load, const char *keys,
                       struct error *err)
{
    struct stream *stream = find(sim, stream_name, err);
    struct traffic *traffic = must_calloc(1, sizeof(*traffic));

    traffic->load = load;
    if (stream == NULL ||
        model_keys_parse(keys, sim->seed ^ hash_text(stream_name), &traffic->keys, err) < 0) {
        model_traffic_free(traffic);
        return -1;
    }
    traffic->since_ms = sim->now_ms;
    model_traffic_count(stream, sim->now_ms);
    model_traffic_free(stream->traffic);
    stream->traffic = traffic;
    model_traffic_share(stream);
    return 0;
}

int sim_set_traffic(struct sim *sim, const char *stream, const char *load, int64_t record_bytes,
                    const char *keys, struct error *err)
{
    struct load *parsed;
    int result;

    if (model_load_parse(load, record_bytes, &parsed, err) < 0)
        return -1;
    model_lock(sim);
    result = set_traffic(sim, stream, parsed, keys, err);
    model_unlock(sim);
    return result;
}

int sim_set_minutes(struct sim *sim, const char *stream, const struct sim_load *load, const char *keys,
                    struct error *err)
{
    int result;

    model_lock(sim);
    result = set_traffic(sim, stream, model_load_of_minutes(load->minutes, load->count), keys, err);
    model_unlock(sim);
    return result;
}

int sim_set_consumer(struct sim *sim, const char *name, bool present, struct error *err)
{
    struct stream *stream;

    model_lock(sim);
    stream = find(sim, name, err);
    if (stream != NULL)
        stream->consumer = present;
    model_unlock(sim);
    return stream != NULL ? 0 : -1;
}

int sim_stream_totals(struct sim *sim, const char *name, struct sim_totals *ret_totals, struct error *err)
{
    struct stream *stream;

    model_lock(sim);
    stream = find(sim, name, err);
    if (stream != NULL) {
        model_traffic_count(stream, sim->now_ms);
        *ret_totals = stream->totals;
        ret_totals->shard_hours = (double)stream->open_shard_ms / 3600000;
        ret_totals->open_shards = model_open_shards(stream);
    }
    model_unlock(sim);
    return stream != NULL ? 0 : -1;
}
