/*
 * streams.c - Kinesis: making, deleting and resharding streams, with AWS's own refusals.
 *
 * The texts are those AWS sends (with its punctuation): clients tell one LimitExceededException from another
 * by nothing else.
 */
#include "streams.h"
#include "reshard.h"
#include "traffic.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

enum {
    HTTP_REFUSED = 400,
    SHARDS_PER_STREAM_MAX = 10000,
    STREAMS_CHANGING_MAX = 5,
    ON_DEMAND_SHARDS = 4,
    ON_DEMAND_STREAMS_MAX = 50,
    UPDATES_PER_DAY = 10,
    RETENTION_HOURS = 24,
    MONITORING_MS = 2000, /* UPDATING after shard-level metrics were switched: ours, AWS says "briefly" */
};
static const int64_t hour_ms = 3600000;

/* ---- what things are called */

const char *model_status_name(enum model_status status)
{
    static const char *const names[] = {"CREATING", "ACTIVE", "UPDATING", "DELETING"};

    return names[status];
}

const char *model_shard_metric_name(int bit)
{
    static const char *const names[SHARD_METRIC_COUNT] = {"IncomingBytes",
                                                          "IncomingRecords",
                                                          "OutgoingBytes",
                                                          "OutgoingRecords",
                                                          "WriteProvisionedThroughputExceeded",
                                                          "ReadProvisionedThroughputExceeded",
                                                          "IteratorAgeMilliseconds"};

    return names[bit];
}

void model_stream_arn(const struct sim *sim, const char *name, char arn[MODEL_ARN_SIZE])
{
    snprintf(arn, MODEL_ARN_SIZE, "arn:aws:kinesis:%s:%s:stream/%s", sim->region, sim->account, name);
}

void model_shard_id(int64_t index, char id[MODEL_SHARD_ID_SIZE])
{
    snprintf(id, MODEL_SHARD_ID_SIZE, "shardId-%012lld", (long long)index);
}

/* 56 digits that rise with time, as AWS's do; a shard's end is above all that was written to it. */
static void format_sequence(int64_t at_ms, int64_t index, int last, char text[MODEL_SEQUENCE_SIZE])
{
    snprintf(text, MODEL_SEQUENCE_SIZE, "49%016lld%028d%010lld", (long long)at_ms, last, (long long)index);
}

void model_sequence_start(const struct shard *shard, char text[MODEL_SEQUENCE_SIZE])
{
    format_sequence(shard->created_ms, shard->index, 0, text);
}

void model_sequence_end(const struct shard *shard, char text[MODEL_SEQUENCE_SIZE])
{
    format_sequence(shard->closed_ms, shard->index, 1, text);
}

/* ---- finding */

/* Where a stream of this name is, or belongs. */
static size_t position_of(const struct sim *sim, const char *name)
{
    size_t low = 0, high = sim->stream_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(sim->streams[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct stream *lookup(const struct sim *sim, const char *name)
{
    size_t at = position_of(sim, name);

    return at < sim->stream_count && text_equal(sim->streams[at]->name, name) ? sim->streams[at] : NULL;
}

static int no_stream(const struct sim *sim, const char *name, struct fault *fault)
{
    return model_fault(fault, "ResourceNotFoundException", HTTP_REFUSED,
                       "Stream %s under account %s not found.", name, sim->account);
}

int model_find_stream(struct sim *sim, const char *name, struct stream **ret_stream, struct fault *fault)
{
    struct stream *stream = lookup(sim, name);

    if (stream == NULL)
        return no_stream(sim, name, fault);
    *ret_stream = stream;
    return 0;
}

int model_resolve_stream(struct sim *sim, const char *name, const char *arn, char ret_name[MODEL_NAME_SIZE],
                         struct fault *fault)
{
    char own[MODEL_ARN_SIZE];
    size_t prefix;

    if (name == NULL && arn == NULL)
        return model_fault(fault, "InvalidArgumentException", HTTP_REFUSED,
                           "Either StreamName or StreamARN should be provided.");
    if (arn != NULL) {
        model_stream_arn(sim, "", own);
        prefix = strlen(own);
        if (strncmp(arn, own, prefix) != 0 || strlen(arn + prefix) >= MODEL_NAME_SIZE)
            return model_fault(fault, "ResourceNotFoundException", HTTP_REFUSED, "Stream %s not found.", arn);
        if (name != NULL && !text_equal(name, arn + prefix))
            return model_fault(fault, "InvalidArgumentException", HTTP_REFUSED,
                               "StreamName %s does not match the stream name in StreamARN %s.", name, arn);
        name = arn + prefix;
    }
    text_copy(ret_name, MODEL_NAME_SIZE, name);
    return 0;
}

bool model_shard_is_listed(const struct stream *stream, const struct shard *shard)
{
    return shard->index < stream->listed_below;
}

bool model_shard_is_open(const struct stream *stream, const struct shard *shard)
{
    return shard->closed_ms == 0 || shard->closed_ms > stream->updating_since_ms;
}

int64_t model_open_shards(const struct stream *stream)
{
    int64_t open = 0;

    for (size_t i = 0; i < stream->shard_count; i++) {
        if (model_shard_is_listed(stream, &stream->shards[i]) &&
            model_shard_is_open(stream, &stream->shards[i]))
            open++;
    }
    return open;
}

/* Digits after an optional prefix that ends with '-'; at most 2^31 - 1. */
bool model_parse_shard_id(const char *text, int64_t *ret_index)
{
    const char *dash = strrchr(text, '-');
    const char *digits = dash == NULL ? text : dash + 1;

    while (digits[0] == '0' && digits[1] != '\0')
        digits++;
    return number_parse(digits, 0, INT32_MAX, ret_index);
}

struct shard *model_find_shard(const struct stream *stream, int64_t index)
{
    for (size_t i = 0; i < stream->shard_count; i++) {
        if (stream->shards[i].index == index && model_shard_is_listed(stream, &stream->shards[i]))
            return &stream->shards[i];
    }
    return NULL;
}

/* ---- limits of the account */

/* What a stream takes of the shard limit: also what its running operation will need. */
static int64_t taken_shards(const struct stream *stream)
{
    int64_t open = stream->planned_shards;

    for (size_t i = 0; i < stream->shard_count; i++)
        open += stream->shards[i].closed_ms == 0;
    return open > stream->reserved_shards ? open : stream->reserved_shards;
}

static int64_t account_shards(const struct sim *sim)
{
    int64_t taken = 0;

    for (size_t i = 0; i < sim->stream_count; i++) {
        if (!sim->streams[i]->on_demand)
            taken += taken_shards(sim->streams[i]);
    }
    return taken;
}

static int check_shard_limit(const struct sim *sim, int64_t additional, struct fault *fault)
{
    int64_t current = account_shards(sim);

    if (current + additional <= sim->shard_limit)
        return 0;
    return model_fault(
        fault, "LimitExceededException", HTTP_REFUSED,
        "This request would exceed the shard limit for the account %s in %s. Current shard count for the "
        "account: %lld. Limit: %lld. Number of additional shards that would have resulted from this "
        "request: %lld. Refer to the AWS Service Limits page "
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and "
        "how to request higher limits.",
        sim->account, sim->region, (long long)current, (long long)sim->shard_limit, (long long)additional);
}

static int check_changing(const struct sim *sim, struct fault *fault)
{
    int changing = 0;

    for (size_t i = 0; i < sim->stream_count; i++)
        changing += sim->streams[i]->status == MODEL_CREATING || sim->streams[i]->status == MODEL_DELETING;
    if (!sim->check_quotas || changing < STREAMS_CHANGING_MAX)
        return 0;
    return model_fault(
        fault, "LimitExceededException", HTTP_REFUSED,
        "Only %d streams can simultaneously be in CREATING or DELETING state under account %s.",
        STREAMS_CHANGING_MAX, sim->account);
}

void model_describe_limits(struct sim *sim, struct account_limits *ret_limits)
{
    struct account_limits limits = {.shard_limit = sim->shard_limit,
                                    .on_demand_limit = ON_DEMAND_STREAMS_MAX};

    for (size_t i = 0; i < sim->stream_count; i++) {
        limits.on_demand_streams += sim->streams[i]->on_demand;
        if (!sim->streams[i]->on_demand)
            limits.open_shards += model_open_shards(sim->streams[i]);
    }
    *ret_limits = limits;
}

/* ---- create and delete */

int model_create_stream(struct sim *sim, const char *name, int64_t shard_count, bool on_demand,
                        struct fault *fault)
{
    size_t at = position_of(sim, name);
    struct stream *stream;

    if (lookup(sim, name) != NULL)
        return model_fault(fault, "ResourceInUseException", HTTP_REFUSED,
                           "Stream %s under account %s already exists.", name, sim->account);
    if (on_demand)
        shard_count = ON_DEMAND_SHARDS;
    else if (check_shard_limit(sim, shard_count, fault) < 0)
        return -1;
    if (check_changing(sim, fault) < 0)
        return -1;

    stream = must_calloc(1, sizeof(*stream));
    text_copy(stream->name, sizeof(stream->name), name);
    stream->status = MODEL_CREATING;
    stream->on_demand = on_demand;
    stream->created_ms = sim->now_ms;
    stream->counted_ms = sim->now_ms;
    stream->retention_hours = RETENTION_HOURS;
    stream->planned_shards = shard_count;
    stream->listed_below = INT64_MAX;
    stream->updating_since_ms = INT64_MAX;
    stream->event_ms = sim->now_ms + sim->create_ms;
    stream->consumer = true;

    sim->streams = must_realloc(sim->streams, sim->stream_count + 1, sizeof(struct stream *));
    memmove(&sim->streams[at + 1], &sim->streams[at], (sim->stream_count - at) * sizeof(struct stream *));
    sim->streams[at] = stream;
    sim->stream_count++;
    return 0;
}

int model_delete_stream(struct sim *sim, const char *name, struct fault *fault)
{
    struct stream *stream;

    if (model_find_stream(sim, name, &stream, fault) < 0)
        return -1;
    if (stream->status == MODEL_DELETING)
        return 0;
    if (check_changing(sim, fault) < 0)
        return -1;
    model_traffic_count(stream, sim->now_ms);
    model_reshard_free(stream->reshard);
    stream->reshard = NULL;
    stream->reserved_shards = 0;
    stream->planned_shards = 0;
    stream->status = MODEL_DELETING;
    stream->event_ms = sim->now_ms + 2 * sim->create_ms;
    for (size_t i = 0; i < stream->shard_count; i++) {
        if (stream->shards[i].closed_ms == 0)
            stream->shards[i].closed_ms = sim->now_ms;
    }
    return 0;
}

void model_stream_free(struct stream *stream)
{
    model_traffic_unpin_stream(stream);
    model_traffic_free(stream->traffic);
    model_reshard_free(stream->reshard);
    free(stream->shards);
    free(stream);
}

static void created(struct sim *sim, struct stream *stream)
{
    unsigned count = (unsigned)stream->planned_shards;

    model_traffic_count(stream, sim->now_ms);
    for (unsigned i = 0; i < count; i++) {
        hashkey end = i + 1 == count ? HASHKEY_MAX : hashkey_even_start(i + 1, count) - 1;

        (void)model_add_shard(sim, stream, (struct range){hashkey_even_start(i, count), end}, -1, -1);
    }
    model_traffic_share(stream);
    stream->planned_shards = 0;
    stream->status = MODEL_ACTIVE;
    stream->event_ms = INT64_MAX;
}

void model_stream_event(struct sim *sim, struct stream *stream)
{
    size_t at;

    switch (stream->status) {
    case MODEL_CREATING:
        created(sim, stream);
        break;
    case MODEL_UPDATING:
        if (stream->reshard != NULL) {
            model_reshard_step(sim, stream);
        } else { /* shard-level metrics were switched */
            stream->status = MODEL_ACTIVE;
            stream->event_ms = INT64_MAX;
        }
        break;
    case MODEL_DELETING:
        at = position_of(sim, stream->name);
        sim->stream_count--;
        memmove(&sim->streams[at], &sim->streams[at + 1], (sim->stream_count - at) * sizeof(struct stream *));
        model_stream_free(stream);
        break;
    case MODEL_ACTIVE:
        break;
    }
}

void model_stream_expire(struct sim *sim, struct stream *stream)
{
    int64_t closed_before = sim->now_ms - stream->retention_hours * hour_ms;
    size_t kept = 0;

    if (stream->status != MODEL_ACTIVE)
        return;
    for (size_t i = 0; i < stream->shard_count; i++) {
        struct shard *shard = &stream->shards[i];

        if (shard->closed_ms != 0 && shard->closed_ms <= closed_before)
            model_traffic_unpin_shard(shard);
        else
            stream->shards[kept++] = *shard;
    }
    stream->shard_count = kept;
}

/* ---- resharding */

static int check_active(const struct sim *sim, const struct stream *stream, struct fault *fault)
{
    if (stream->status == MODEL_ACTIVE)
        return 0;
    return model_fault(fault, "ResourceInUseException", HTTP_REFUSED,
                       "Stream %s under account %s not ACTIVE, instead in state %s", stream->name,
                       sim->account, model_status_name(stream->status));
}

static int check_provisioned(const struct sim *sim, const struct stream *stream, struct fault *fault)
{
    if (!stream->on_demand)
        return 0;
    return model_fault(fault, "ValidationException", HTTP_REFUSED,
                       "Request is invalid. Stream %s under account %s is in On-Demand mode.", stream->name,
                       sim->account);
}

static int no_shard(const struct sim *sim, const char *stream, const char *shard, struct fault *fault)
{
    return model_fault(fault, "ResourceNotFoundException", HTTP_REFUSED,
                       "Could not find shard %s in stream %s under account %s.", shard, stream, sim->account);
}

/* An ACTIVE, provisioned stream. */
static int find_for_reshard(struct sim *sim, const char *name, struct stream **ret_stream,
                            struct fault *fault)
{
    struct stream *stream;

    if (model_find_stream(sim, name, &stream, fault) < 0 || check_provisioned(sim, stream, fault) < 0 ||
        check_active(sim, stream, fault) < 0)
        return -1;
    *ret_stream = stream;
    return 0;
}

static int find_open_shard(struct sim *sim, struct stream *stream, int64_t index, struct shard **ret_shard,
                           struct fault *fault)
{
    struct shard *shard = model_find_shard(stream, index);
    char id[MODEL_SHARD_ID_SIZE];

    model_shard_id(index, id);
    if (shard == NULL)
        return no_shard(sim, stream->name, id, fault);
    if (shard->closed_ms != 0)
        return model_fault(
            fault, "InvalidArgumentException", HTTP_REFUSED,
            "Shard %s in stream %s under account %s has already been merged or split, and thus is not "
            "eligible for merging or splitting.",
            id, stream->name, sim->account);
    *ret_shard = shard;
    return 0;
}

static int bad_split_key(const struct sim *sim, const struct stream *stream, const struct shard *shard,
                         const char *key, struct fault *fault)
{
    char id[MODEL_SHARD_ID_SIZE], start[HASHKEY_TEXT_SIZE], end[HASHKEY_TEXT_SIZE];

    model_shard_id(shard->index, id);
    hashkey_format(shard->start, start);
    hashkey_format(shard->end, end);
    return model_fault(
        fault, "InvalidArgumentException", HTTP_REFUSED,
        "NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s is not "
        "both greater than one plus the shard's StartingHashKey %s and less than the shard's "
        "EndingHashKey %s.",
        key, id, stream->name, sim->account, start, end);
}

int model_split_shard(struct sim *sim, const char *name, const char *shard_id, const char *new_start,
                      struct fault *fault)
{
    struct stream *stream;
    struct shard *shard;
    int64_t index;
    hashkey key;

    if (!model_parse_shard_id(shard_id, &index))
        return no_shard(sim, name, shard_id, fault);
    if (find_for_reshard(sim, name, &stream, fault) < 0 ||
        find_open_shard(sim, stream, index, &shard, fault) < 0)
        return -1;
    if (!hashkey_parse(new_start, &key) || key >= shard->end || key <= shard->start || key - shard->start < 2)
        return bad_split_key(sim, stream, shard, new_start, fault);
    if (check_shard_limit(sim, 1, fault) < 0)
        return -1;
    model_reshard_begin(
        sim, stream,
        model_reshard_one((struct reshard_op){true, shard->start, key}, model_open_shards(stream)));
    return 0;
}

int model_merge_shards(struct sim *sim, const char *name, const char *shard_id, const char *adjacent_id,
                       struct fault *fault)
{
    struct stream *stream;
    struct shard *shard, *adjacent;
    int64_t index, adjacent_index;
    char id[MODEL_SHARD_ID_SIZE], other[MODEL_SHARD_ID_SIZE];

    if (!model_parse_shard_id(shard_id, &index))
        return no_shard(sim, name, shard_id, fault);
    if (!model_parse_shard_id(adjacent_id, &adjacent_index))
        return no_shard(sim, name, adjacent_id, fault);
    if (find_for_reshard(sim, name, &stream, fault) < 0 ||
        find_open_shard(sim, stream, index, &shard, fault) < 0 ||
        find_open_shard(sim, stream, adjacent_index, &adjacent, fault) < 0)
        return -1;
    if (shard->end == HASHKEY_MAX || shard->end + 1 != adjacent->start) {
        model_shard_id(index, id);
        model_shard_id(adjacent_index, other);
        return model_fault(
            fault, "InvalidArgumentException", HTTP_REFUSED,
            "Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible "
            "for merging",
            id, other, stream->name, sim->account);
    }
    model_reshard_begin(
        sim, stream,
        model_reshard_one((struct reshard_op){false, shard->start, 0}, model_open_shards(stream)));
    return 0;
}

/* ---- UpdateShardCount */

static int check_updates_per_day(const struct sim *sim, const struct stream *stream, struct fault *fault)
{
    size_t oldest = stream->update_count % UPDATES_PER_DAY;

    if (!sim->check_quotas || stream->update_count < UPDATES_PER_DAY ||
        sim->now_ms - stream->updates_ms[oldest] >= 24 * hour_ms)
        return 0;
    return model_fault(
        fault, "LimitExceededException", HTTP_REFUSED,
        "UpdateShardCount cannot be called more than %d times in a rolling 24-hour period for stream %s "
        "under account %s.",
        UPDATES_PER_DAY, stream->name, sim->account);
}

static int check_target(int64_t open, int64_t target, struct fault *fault)
{
    if (target > SHARDS_PER_STREAM_MAX)
        return model_fault(
            fault, "LimitExceededException", HTTP_REFUSED,
            "Target shard count or number of open shards cannot be greater than %d. Current open shard "
            "count: %lld, Target shard count: %lld",
            SHARDS_PER_STREAM_MAX, (long long)open, (long long)target);
    if (target > 2 * open)
        return model_fault(
            fault, "LimitExceededException", HTTP_REFUSED,
            "UpdateShardCount cannot scale up over double your current open shard count. Current open "
            "shard count: %lld, Target shard count: %lld",
            (long long)open, (long long)target);
    if (target < (open + 1) / 2)
        return model_fault(
            fault, "LimitExceededException", HTTP_REFUSED,
            "UpdateShardCount cannot scale down below half your current open shard count. Current open "
            "shard count: %lld, Target shard count: %lld",
            (long long)open, (long long)target);
    return 0;
}

int model_update_shard_count(struct sim *sim, const char *name, int64_t target, int64_t *ret_current,
                             struct fault *fault)
{
    struct stream *stream;
    struct reshard *reshard;
    struct range *ranges;
    size_t open;

    if (find_for_reshard(sim, name, &stream, fault) < 0 ||
        check_target(model_open_shards(stream), target, fault) < 0 ||
        check_updates_per_day(sim, stream, fault) < 0)
        return -1;
    ranges = model_open_ranges(stream, &open);
    reshard = model_reshard_uniform(ranges, open, target);
    free(ranges);
    if (check_shard_limit(sim, reshard->peak - (int64_t)open, fault) < 0) {
        model_reshard_free(reshard);
        return -1;
    }
    stream->updates_ms[stream->update_count++ % UPDATES_PER_DAY] = sim->now_ms;
    stream->totals.updates++;
    *ret_current = (int64_t)open;
    reshard->at_once = sim->update_ms > 0;
    if (reshard->count > 0)
        model_reshard_begin(sim, stream, reshard);
    else
        model_reshard_free(reshard); /* the shards are as they shall be: accepted, and nothing happens */
    return 0;
}

int model_set_enhanced(struct sim *sim, const char *name, unsigned metrics, bool enable,
                       unsigned *ret_current, unsigned *ret_desired, struct fault *fault)
{
    struct stream *stream;

    if (model_find_stream(sim, name, &stream, fault) < 0 || check_active(sim, stream, fault) < 0)
        return -1;
    *ret_current = stream->enhanced;
    stream->enhanced = enable ? stream->enhanced | metrics : stream->enhanced & ~metrics;
    *ret_desired = stream->enhanced;
    if (*ret_desired != *ret_current) {
        stream->status = MODEL_UPDATING;
        stream->event_ms = sim->now_ms + MONITORING_MS;
    }
    return 0;
}
