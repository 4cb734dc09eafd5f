/*
 * wire_shapes.c - building blocks, Kinesis, SNS and STS; CloudWatch is in wire_shapes_cloudwatch.c.
 */
#include "wire_shapes_common.h"

#include <ctype.h>
#include <string.h>

static bool is_name(const char *value)
{
    return value[0] != '\0' &&
           strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
               strlen(value);
}

static bool is_hash_key(const char *value)
{
    size_t digits = strspn(value, "0123456789");

    return digits == strlen(value) && digits >= 1 && digits <= 39 && (value[0] != '0' || digits == 1);
}

/* "arn:aws.*:kinesis:.*:\d{12}:stream/\S+" */
static bool is_stream_arn(const char *value)
{
    const char *service = strstr(value, ":kinesis:");
    const char *resource = strstr(value, ":stream/");

    if (strncmp(value, "arn:aws", 7) != 0 || service == NULL || resource == NULL || resource < service + 22)
        return false;
    if (strspn(resource - 12, "0123456789") != 12 || resource[-13] != ':')
        return false;
    resource += strlen(":stream/");
    return resource[0] != '\0' && strcspn(resource, " \t\r\n") == strlen(resource);
}

static bool is_stream_id(const char *value)
{
    size_t letters = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    return letters == strlen(value) && letters > 0;
}

static bool is_role_session_name(const char *value)
{
    return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-") ==
           strlen(value);
}

static bool is_external_id(const char *value)
{
    return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@:\\/-") ==
           strlen(value);
}

static const struct shape_pattern name_pattern = {"[a-zA-Z0-9_.-]+", is_name};
static const struct shape_pattern hash_key_pattern = {"0|([1-9]\\d{0,38})", is_hash_key};
static const struct shape_pattern stream_arn_pattern = {"arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
                                                        is_stream_arn};
static const struct shape_pattern stream_id_pattern = {"[a-zA-Z0-9]+", is_stream_id};
static const struct shape_pattern session_name_pattern = {"[\\w+=,.@-]*", is_role_session_name};
static const struct shape_pattern external_id_pattern = {"[\\w+=,.@:\\/-]*", is_external_id};

/* ---- shared with CloudWatch */

const struct shape shape_text = {SHAPE_STRING};
const struct shape shape_boolean = {SHAPE_BOOLEAN};
const struct shape shape_timestamp = {SHAPE_TIMESTAMP};
const struct shape shape_double = {SHAPE_DOUBLE};
const struct shape shape_integer = {SHAPE_INTEGER};
const struct shape shape_positive = {SHAPE_INTEGER, BETWEEN(1, INT32_MAX)};
const struct shape shape_no_members = {SHAPE_STRUCTURE, .members = (const struct member[]){{NULL}}};

static const struct shape tag_key = {SHAPE_STRING, BETWEEN(1, 128)};
static const struct shape tag_value = {SHAPE_STRING, BETWEEN(0, 256)};
static const struct shape tag = STRUCTURE({"Key", true, &tag_key}, {"Value", true, &tag_value});
const struct shape shape_tags = {SHAPE_LIST, AT_MOST(50), .of = &tag};
static const struct shape text_map = {SHAPE_MAP, .of = &shape_text};

/* ---- Kinesis */

static const struct shape stream_name = {SHAPE_STRING, BETWEEN(1, 128), .pattern = &name_pattern};
static const struct shape stream_arn = {SHAPE_STRING, BETWEEN(1, 2048), .pattern = &stream_arn_pattern};
static const struct shape stream_id = {SHAPE_STRING, BETWEEN(1, 24), .pattern = &stream_id_pattern};
static const struct shape shard_id = {SHAPE_STRING, BETWEEN(1, 128), .pattern = &name_pattern};
static const struct shape hash_key = {SHAPE_STRING, .pattern = &hash_key_pattern};
static const struct shape next_token = {SHAPE_STRING, BETWEEN(1, 1048576)};
static const struct shape shard_count = {SHAPE_INTEGER, BETWEEN(1, 100000)};
static const struct shape page_size = {SHAPE_INTEGER, BETWEEN(1, 10000)};
static const struct shape record_size = {SHAPE_INTEGER, BETWEEN(1024, 10240)};
static const struct shape stream_mode = {SHAPE_STRING,
                                         .values = (const char *const[]){"PROVISIONED", "ON_DEMAND", NULL}};
static const struct shape stream_mode_details = STRUCTURE({"StreamMode", true, &stream_mode});
static const struct shape kinesis_tags = {SHAPE_MAP, AT_MOST(200), .of = &tag_value};
static const struct shape scaling_type = {SHAPE_STRING,
                                          .values = (const char *const[]){"UNIFORM_SCALING", NULL}};
static const struct shape filter_type = {
    SHAPE_STRING,
    .values = (const char *const[]){"AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST",
                                    "AT_TIMESTAMP", "FROM_TIMESTAMP", NULL},
};
static const struct shape shard_filter = STRUCTURE(
    {"Type", true, &filter_type}, {"ShardId", false, &shard_id}, {"Timestamp", false, &shape_timestamp});
static const struct shape metric_name = {
    SHAPE_STRING,
    .values = (const char *const[]){"IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
                                    "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
                                    "IteratorAgeMilliseconds", "ALL", NULL},
};
static const struct shape metric_names = {SHAPE_LIST, BETWEEN(1, 7), .of = &metric_name};

/* Every operation on a stream takes its name or its ARN. */
#define STREAM_MEMBERS                                                      \
    {"StreamName", false, &stream_name}, {"StreamARN", false, &stream_arn}, \
    {                                                                       \
        "StreamId", false, &stream_id                                       \
    }

const struct shape shape_kinesis_create_stream =
    STRUCTURE({"StreamName", true, &stream_name}, {"ShardCount", false, &shard_count},
              {"StreamModeDetails", false, &stream_mode_details}, {"Tags", false, &kinesis_tags},
              {"WarmThroughputMiBps", false, &shape_integer}, {"MaxRecordSizeInKiB", false, &record_size});
const struct shape shape_kinesis_stream = STRUCTURE(STREAM_MEMBERS);
const struct shape shape_kinesis_delete_stream =
    STRUCTURE(STREAM_MEMBERS, {"EnforceConsumerDeletion", false, &shape_boolean});
const struct shape shape_kinesis_list_streams =
    STRUCTURE({"Limit", false, &page_size}, {"ExclusiveStartStreamName", false, &stream_name},
              {"NextToken", false, &next_token});
const struct shape shape_kinesis_describe_stream =
    STRUCTURE(STREAM_MEMBERS, {"Limit", false, &page_size}, {"ExclusiveStartShardId", false, &shard_id});
const struct shape shape_kinesis_list_shards =
    STRUCTURE(STREAM_MEMBERS, {"NextToken", false, &next_token}, {"ExclusiveStartShardId", false, &shard_id},
              {"MaxResults", false, &page_size}, {"StreamCreationTimestamp", false, &shape_timestamp},
              {"ShardFilter", false, &shard_filter});
const struct shape shape_kinesis_split_shard =
    STRUCTURE(STREAM_MEMBERS, {"ShardToSplit", true, &shard_id}, {"NewStartingHashKey", true, &hash_key});
const struct shape shape_kinesis_merge_shards =
    STRUCTURE(STREAM_MEMBERS, {"ShardToMerge", true, &shard_id}, {"AdjacentShardToMerge", true, &shard_id});
const struct shape shape_kinesis_update_shard_count =
    STRUCTURE(STREAM_MEMBERS, {"TargetShardCount", true, &shard_count}, {"ScalingType", true, &scaling_type});
const struct shape shape_kinesis_enhanced_monitoring =
    STRUCTURE(STREAM_MEMBERS, {"ShardLevelMetrics", true, &metric_names});

/* ---- SNS: its members have no limits in the model; handlers answer InvalidParameter.  What the simulated SNS does
 * not do (message attributes, raw delivery, filters) is no member here, and so refused. */

const struct shape shape_sns_create_topic =
    STRUCTURE({"Name", true, &shape_text}, {"Attributes", false, &text_map}, {"Tags", false, &shape_tags});
const struct shape shape_sns_topic = STRUCTURE({"TopicArn", true, &shape_text});
const struct shape shape_sns_set_topic_attributes =
    STRUCTURE({"TopicArn", true, &shape_text}, {"AttributeName", true, &shape_text},
              {"AttributeValue", false, &shape_text});
const struct shape shape_sns_subscribe =
    STRUCTURE({"TopicArn", true, &shape_text}, {"Protocol", true, &shape_text},
              {"Endpoint", false, &shape_text}, {"ReturnSubscriptionArn", false, &shape_boolean});
const struct shape shape_sns_confirm_subscription =
    STRUCTURE({"TopicArn", true, &shape_text}, {"Token", true, &shape_text},
              {"AuthenticateOnUnsubscribe", false, &shape_text});
const struct shape shape_sns_subscription = STRUCTURE({"SubscriptionArn", true, &shape_text});
const struct shape shape_sns_set_subscription_attributes =
    STRUCTURE({"SubscriptionArn", true, &shape_text}, {"AttributeName", true, &shape_text},
              {"AttributeValue", false, &shape_text});
const struct shape shape_sns_list_subscriptions =
    STRUCTURE({"TopicArn", true, &shape_text}, {"NextToken", false, &shape_text});
const struct shape shape_sns_publish =
    STRUCTURE({"TopicArn", false, &shape_text}, {"TargetArn", false, &shape_text},
              {"Message", true, &shape_text}, {"Subject", false, &shape_text});

/* ---- STS */

static const struct shape role_arn = {SHAPE_STRING, BETWEEN(20, 2048)};
static const struct shape session_name = {SHAPE_STRING, BETWEEN(2, 64), .pattern = &session_name_pattern};
static const struct shape external_id = {SHAPE_STRING, BETWEEN(2, 1224), .pattern = &external_id_pattern};
static const struct shape duration = {SHAPE_INTEGER, BETWEEN(900, 43200)};
static const struct shape identity_token = {SHAPE_STRING, BETWEEN(4, 20000)};
static const struct shape provider_id = {SHAPE_STRING, BETWEEN(4, 2048)};
static const struct shape policy = {SHAPE_STRING, BETWEEN(1, 2048)};

const struct shape shape_sts_assume_role = STRUCTURE(
    {"RoleArn", true, &role_arn}, {"RoleSessionName", true, &session_name}, {"Policy", false, &policy},
    {"DurationSeconds", false, &duration}, {"ExternalId", false, &external_id});
const struct shape shape_sts_assume_role_with_web_identity =
    STRUCTURE({"RoleArn", true, &role_arn}, {"RoleSessionName", true, &session_name},
              {"WebIdentityToken", true, &identity_token}, {"ProviderId", false, &provider_id},
              {"Policy", false, &policy}, {"DurationSeconds", false, &duration});
