/*
 * kinesis.c - the Kinesis operations the program uses (JSON 1.1).
 *
 * Streams are named by StreamName: newer AWS recommends StreamARN, older emulators know only the name.
 */
#include "aws/kinesis.h"

#include "base/memory.h"
#include "base/text.h"
#include "call.h"

enum {
    PAGE_SHARDS = 1000,        /* the most that ListShards gives at once */
    PAGES_MAX = 400,           /* closed shards, where AT_LATEST is not understood, count too */
    OPEN_SHARDS_MAX = 1000000, /* of DescribeLimits and DescribeStreamSummary */
    PAGE_STREAMS = 1000,       /* AWS may give only 100 at once */
    STREAMS_MAX = 100000,
    STREAM_PAGES_MAX = 2000,
};

static const char *const status_names[] = {
    [STREAM_CREATING] = "CREATING",
    [STREAM_DELETING] = "DELETING",
    [STREAM_ACTIVE] = "ACTIVE",
    [STREAM_UPDATING] = "UPDATING",
    NULL,
};

const char *stream_status_name(enum stream_status status)
{
    return status_names[status];
}

static struct aws_call call_of(const char *operation, const char *subject)
{
    return (struct aws_call){.service = AWS_KINESIS, .operation = operation, .subject = subject};
}

/* ---- DescribeStreamSummary */

/* The shard-level metrics that the program uses, and where a summary says that they are on. */
static const struct {
    const char *name;
    size_t enabled;
} shard_metrics[] = {
    {"IncomingBytes", offsetof(struct stream_summary, shard_bytes)},
    {"IncomingRecords", offsetof(struct stream_summary, shard_records)},
    {"WriteProvisionedThroughputExceeded", offsetof(struct stream_summary, shard_throttled)},
};

/* Which shard-level metrics are on: EnhancedMonitoring is [{"ShardLevelMetrics": ["IncomingBytes", ...]}]. */
static int read_monitoring(const cJSON *description, struct stream_summary *summary, struct error *err)
{
    const cJSON *entries, *entry, *names, *name;

    if (json_array(description, "EnhancedMonitoring", &entries, err) < 0)
        return -1;
    cJSON_ArrayForEach(entry, entries) {
        if (json_array(entry, "ShardLevelMetrics", &names, err) < 0)
            return -1;
        cJSON_ArrayForEach(name, names) {
            for (size_t i = 0; i < COUNT_OF(shard_metrics) && cJSON_IsString(name); i++) {
                if (text_equal(name->valuestring, shard_metrics[i].name) ||
                    text_equal(name->valuestring, "ALL"))
                    *(bool *)((char *)summary + shard_metrics[i].enabled) = true;
            }
        }
    }
    return 0;
}

static int read_summary(const cJSON *output, struct stream_summary *ret_summary, struct error *err)
{
    static const char *const modes[] = {"PROVISIONED", "ON_DEMAND", NULL};
    struct stream_summary summary = {0};
    const cJSON *description, *mode;
    int status, mode_index = 0;

    if (json_object(output, "StreamDescriptionSummary", &description, err) < 0 ||
        json_one_of(description, "StreamStatus", status_names, &status, err) < 0 ||
        json_integer(description, "OpenShardCount", 0, OPEN_SHARDS_MAX, &summary.open_shards, err) < 0 ||
        json_text(description, "StreamARN", summary.arn, sizeof(summary.arn), err) < 0 ||
        json_integer(description, "RetentionPeriodHours", 1, 1000000, &summary.retention_hours, err) < 0 ||
        json_optional_integer(description, "ConsumerCount", 0, 1000000, &summary.consumers, err) < 0 ||
        json_optional_time(description, "StreamCreationTimestamp", &summary.created_ms, err) < 0 ||
        read_monitoring(description, &summary, err) < 0)
        return -1;
    if (json_member(description, "StreamModeDetails") != NULL && /* absent before 2021 */
        (json_object(description, "StreamModeDetails", &mode, err) < 0 ||
         json_one_of(mode, "StreamMode", modes, &mode_index, err) < 0))
        return -1;
    summary.status = (enum stream_status)status;
    summary.on_demand = mode_index == 1;
    *ret_summary = summary;
    return 0;
}

int kinesis_describe_summary(struct aws_client *client, const char *stream,
                             struct stream_summary *ret_summary, struct error *err)
{
    struct aws_call call = call_of("DescribeStreamSummary", stream);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();
    SCOPED(free_json) cJSON *output = NULL;

    cJSON_AddStringToObject(input, "StreamName", stream);
    if (aws_call_json(client, &call, input, &output, err) < 0)
        return -1;
    if (read_summary(output, ret_summary, err) < 0)
        return aws_call_wrap(&call, err);
    return 0;
}

/* ---- ListShards */

static int read_hash_key(const cJSON *range, const char *name, hashkey *ret_key, struct error *err)
{
    char text[HASHKEY_TEXT_SIZE];

    if (json_text(range, name, text, sizeof(text), err) < 0)
        return -1;
    if (!hashkey_parse(text, ret_key))
        return error_set(err, ERROR_INPUT, "the answer's '%s' is no hash key: '%s'", name, text);
    return 0;
}

static int read_shard(const cJSON *entry, struct shard *ret_shard, bool *ret_open, struct error *err)
{
    struct shard shard = {0};
    const cJSON *range, *sequence;

    if (json_text(entry, "ShardId", shard.id, sizeof(shard.id), err) < 0 ||
        json_optional_text(entry, "ParentShardId", shard.parent, sizeof(shard.parent), err) < 0 ||
        json_optional_text(entry, "AdjacentParentShardId", shard.adjacent_parent,
                           sizeof(shard.adjacent_parent), err) < 0 ||
        json_object(entry, "HashKeyRange", &range, err) < 0 ||
        read_hash_key(range, "StartingHashKey", &shard.start, err) < 0 ||
        read_hash_key(range, "EndingHashKey", &shard.end, err) < 0 ||
        json_object(entry, "SequenceNumberRange", &sequence, err) < 0)
        return -1;
    if (shard.id[0] == '\0')
        return error_set(err, ERROR_INPUT, "the answer has a shard without a name");
    /* A closed shard has an end; where AT_LATEST is not understood they are listed too. */
    *ret_open = json_member(sequence, "EndingSequenceNumber") == NULL;
    *ret_shard = shard;
    return 0;
}

static int add_page(const cJSON *output, struct shard_map *map, struct error *err)
{
    const cJSON *entries, *entry;
    struct shard shard = {0};
    bool open = false;

    if (json_array(output, "Shards", &entries, err) < 0)
        return -1;
    if (entries == NULL)
        return error_set(err, ERROR_INPUT, "the answer has no 'Shards'");
    cJSON_ArrayForEach(entry, entries) {
        if (read_shard(entry, &shard, &open, err) < 0 || (open && shard_map_add(map, &shard, err) < 0))
            return -1;
    }
    return 0;
}

/* The first page names the stream, the following ones only the token: AWS refuses both together. */
static cJSON *page_input(const char *stream, const char *token)
{
    cJSON *input = cJSON_CreateObject();

    if (token != NULL) {
        cJSON_AddStringToObject(input, "NextToken", token);
    } else {
        cJSON_AddStringToObject(input, "StreamName", stream);
        cJSON_AddStringToObject(cJSON_AddObjectToObject(input, "ShardFilter"), "Type", "AT_LATEST");
    }
    cJSON_AddNumberToObject(input, "MaxResults", PAGE_SHARDS);
    return input;
}

/* *ret_expired: AWS has forgotten the token (300 s), the listing must begin again. */
static int list_once(struct aws_client *client, struct aws_call *call, struct shard_map *map,
                     bool *ret_expired, struct error *err)
{
    SCOPED(free_text) char *token = NULL;

    *ret_expired = false;
    for (int page = 0; page < PAGES_MAX; page++) {
        SCOPED(free_json) cJSON *input = page_input(call->subject, token);
        SCOPED(free_json) cJSON *output = NULL;

        if (aws_call_json(client, call, input, &output, err) < 0) {
            *ret_expired = token != NULL && strcmp(call->code, "ExpiredNextTokenException") == 0;
            return -1;
        }
        free(take_text(&token));
        if (add_page(output, map, err) < 0 || json_next_token(output, &token, err) < 0)
            return aws_call_wrap(call, err);
        if (token == NULL)
            return 0;
    }
    (void)error_set(err, ERROR_INPUT, "more than %d pages", PAGES_MAX);
    return aws_call_wrap(call, err);
}

int kinesis_list_shards(struct aws_client *client, const char *stream, struct shard_map *ret_map,
                        struct error *err)
{
    struct aws_call call = call_of("ListShards", stream);
    struct shard_map map = {0};
    bool expired;

    if (list_once(client, &call, &map, &expired, err) < 0) {
        shard_map_clear(&map);
        if (!expired || list_once(client, &call, &map, &expired, err) < 0) {
            shard_map_clear(&map);
            return -1;
        }
    }
    *ret_map = map;
    return 0;
}

/* ---- resharding, limits */

int kinesis_split(struct aws_client *client, const char *stream, const char *shard, hashkey new_start,
                  struct error *err)
{
    struct aws_call call = call_of("SplitShard", stream);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();
    char key[HASHKEY_TEXT_SIZE];

    hashkey_format(new_start, key);
    cJSON_AddStringToObject(input, "StreamName", stream);
    cJSON_AddStringToObject(input, "ShardToSplit", shard);
    cJSON_AddStringToObject(input, "NewStartingHashKey", key);
    return aws_call_json(client, &call, input, NULL, err);
}

int kinesis_merge(struct aws_client *client, const char *stream, const char *lower, const char *upper,
                  struct error *err)
{
    struct aws_call call = call_of("MergeShards", stream);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();

    cJSON_AddStringToObject(input, "StreamName", stream);
    cJSON_AddStringToObject(input, "ShardToMerge", lower);
    cJSON_AddStringToObject(input, "AdjacentShardToMerge", upper);
    return aws_call_json(client, &call, input, NULL, err);
}

int kinesis_update_count(struct aws_client *client, const char *stream, int64_t target, struct error *err)
{
    struct aws_call call = call_of("UpdateShardCount", stream);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();

    cJSON_AddStringToObject(input, "StreamName", stream);
    cJSON_AddNumberToObject(input, "TargetShardCount", (double)target);
    cJSON_AddStringToObject(input, "ScalingType", "UNIFORM_SCALING");
    return aws_call_json(client, &call, input, NULL, err);
}

int kinesis_enable_shard_metrics(struct aws_client *client, const char *stream, struct error *err)
{
    struct aws_call call = call_of("EnableEnhancedMonitoring", stream);
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();
    cJSON *names;

    cJSON_AddStringToObject(input, "StreamName", stream);
    names = cJSON_AddArrayToObject(input, "ShardLevelMetrics");
    for (size_t i = 0; i < COUNT_OF(shard_metrics); i++)
        cJSON_AddItemToArray(names, cJSON_CreateString(shard_metrics[i].name));
    return aws_call_json(client, &call, input, NULL, err);
}

int kinesis_limits(struct aws_client *client, int64_t *ret_shard_limit, int64_t *ret_open_shards,
                   struct error *err)
{
    struct aws_call call = call_of("DescribeLimits", "");
    SCOPED(free_json) cJSON *input = cJSON_CreateObject();
    SCOPED(free_json) cJSON *output = NULL;
    int64_t shard_limit, open_shards;

    if (aws_call_json(client, &call, input, &output, err) < 0)
        return -1;
    if (json_integer(output, "ShardLimit", 0, OPEN_SHARDS_MAX, &shard_limit, err) < 0 ||
        json_integer(output, "OpenShardCount", 0, OPEN_SHARDS_MAX, &open_shards, err) < 0)
        return aws_call_wrap(&call, err);
    *ret_shard_limit = shard_limit;
    *ret_open_shards = open_shards;
    return 0;
}

/* ---- ListStreams */

/* *ret_more: there are others after the last one. */
static int add_streams(const cJSON *output, struct names *names, bool *ret_more, struct error *err)
{
    const char *last = names->count > 0 ? names->items[names->count - 1] : "";
    const cJSON *entries, *entry;

    if (json_array(output, "StreamNames", &entries, err) < 0)
        return -1;
    cJSON_ArrayForEach(entry, entries) {
        if (!cJSON_IsString(entry) || entry->valuestring[0] == '\0')
            return error_set(err, ERROR_INPUT, "the answer has a stream without a name");
        if (names->count == STREAMS_MAX)
            return error_set(err, ERROR_INPUT, "more than %d streams", STREAMS_MAX);
        if (strcmp(entry->valuestring, last) == 0)
            return error_set(err, ERROR_INPUT, "stream '%s' comes after itself", last);
        names_add(names, entry->valuestring);
    }
    *ret_more = cJSON_IsTrue(json_member(output, "HasMoreStreams"));
    if (*ret_more && cJSON_GetArraySize(entries) == 0)
        return error_set(err, ERROR_INPUT, "an empty page that says there are more streams");
    return 0;
}

/* A page begins after a name: NextToken, which came in 2022, is not known everywhere. */
static int list_stream_pages(struct aws_client *client, struct names *names, struct error *err)
{
    struct aws_call call = call_of("ListStreams", "");
    bool more = true;

    for (int page = 0; more; page++) {
        SCOPED(free_json) cJSON *input = cJSON_CreateObject();
        SCOPED(free_json) cJSON *output = NULL;

        cJSON_AddNumberToObject(input, "Limit", PAGE_STREAMS);
        if (names->count > 0)
            cJSON_AddStringToObject(input, "ExclusiveStartStreamName", names->items[names->count - 1]);
        if (page == STREAM_PAGES_MAX) {
            (void)error_set(err, ERROR_INPUT, "more than %d pages", STREAM_PAGES_MAX);
            return aws_call_wrap(&call, err);
        }
        if (aws_call_json(client, &call, input, &output, err) < 0)
            return -1;
        if (add_streams(output, names, &more, err) < 0)
            return aws_call_wrap(&call, err);
    }
    return 0;
}

int kinesis_list_streams(struct aws_client *client, struct names *ret_names, struct error *err)
{
    struct names names = {0};

    if (list_stream_pages(client, &names, err) < 0) {
        names_clear(&names);
        return -1;
    }
    *ret_names = names;
    return 0;
}
