/*
 * scene.c - what there is when a simulated AWS begins, one thing a line.
 *
 *     # a comment, or nothing
 *     stream orders shards=4 metrics=shard consumer=no
 *     topic kinescale signature=2
 *     subscribe kinescale http://127.0.0.1:8080/sns
 *     alarms orders topic=kinescale threshold=80% period=60s
 *     fail IncomingBytes on=create times=1
 *     traffic orders load=ramp:1M:6M:30m record=2048 keys=uniform
 *
 * `alarms` makes one alarm each for IncomingBytes, IncomingRecords (at `threshold` of what the stream's shards
 * take) and WriteProvisionedThroughputExceeded (above 0).  `fail` makes CloudFormation fail at the resources of a
 * logical id.  A line is carried out as the AWS operation that it
 * stands for, and refused with AWS's own words; loads and keys are those of sim_set_traffic().
 */
#include "server.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "wire.h"

#include <string.h>

enum { SCENE_MAX_BYTES = 1024 * 1024, POSITIONS_MAX = 2, KEYS_MAX = 3 };

#define SHARD_BYTES_A_SECOND 1048576.0
#define SHARD_RECORDS_A_SECOND 1000.0

struct line {
    const char *words[POSITIONS_MAX];
    const char *values[KEYS_MAX]; /* by the directive's keys; NULL when not given */
};

typedef int directive_fn(struct sim *sim, const struct line *line, struct error *err);

static int perform(struct sim *sim, enum service service, const char *operation, cJSON *input,
                   struct error *err)
{
    struct wire_fault fault = {0};
    cJSON *output = NULL;
    int result;

    model_lock(sim);
    result = wire_perform(sim, service, operation, input, &output, &fault);
    model_unlock(sim);
    if (result < 0)
        (void)error_set(err, ERROR_CONFIG, "%s: %s", fault.type, fault.message == NULL ? "" : fault.message);
    wire_fault_clear(&fault);
    cJSON_Delete(output);
    cJSON_Delete(input);
    return result;
}

static char *topic_arn(const struct sim *sim, const char *name)
{
    return must_printf("arn:aws:sns:%s:%s:%s", sim->region, sim->account, name);
}

static int parse_choice(const char *key, const char *value, const char *no, const char *yes, bool *ret_chosen,
                        struct error *err)
{
    if (value == NULL)
        return 0;
    if (strcmp(value, no) != 0 && strcmp(value, yes) != 0)
        return error_set(err, ERROR_CONFIG, "%s must be %s or %s, not '%s'", key, no, yes, value);
    *ret_chosen = strcmp(value, yes) == 0;
    return 0;
}

/* ---- directives */

static int make_stream(struct sim *sim, const struct line *line, struct error *err)
{
    cJSON *input;
    int64_t shards = 1;
    bool shard_metrics = false, consumer = true;
    struct stream *stream;
    struct fault fault;

    if (line->values[0] != NULL && !number_parse(line->values[0], 1, 10000, &shards))
        return error_set(err, ERROR_CONFIG, "shards must be 1 to 10000, not '%s'", line->values[0]);
    if (parse_choice("metrics", line->values[1], "stream", "shard", &shard_metrics, err) < 0 ||
        parse_choice("consumer", line->values[2], "no", "yes", &consumer, err) < 0)
        return -1;
    input = cJSON_CreateObject();
    answer_text(input, "StreamName", line->words[0]);
    answer_number(input, "ShardCount", (double)shards);
    if (perform(sim, SERVICE_KINESIS, "CreateStream", input, err) < 0)
        return -1;
    /* EnableEnhancedMonitoring wants an ACTIVE stream; this one is still being made. */
    model_lock(sim);
    if (shard_metrics && model_find_stream(sim, line->words[0], &stream, &fault) == 0)
        stream->enhanced = SHARD_ALL;
    model_unlock(sim);
    return sim_set_consumer(sim, line->words[0], consumer, err);
}

static int make_topic(struct sim *sim, const struct line *line, struct error *err)
{
    cJSON *input = cJSON_CreateObject(), *attributes = answer_structure(input, "Attributes");

    answer_text(input, "Name", line->words[0]);
    answer_text(attributes, "SignatureVersion", line->values[0]);
    return perform(sim, SERVICE_SNS, "CreateTopic", input, err);
}

static int subscribe(struct sim *sim, const struct line *line, struct error *err)
{
    SCOPED(free_text) char *arn = topic_arn(sim, line->words[0]);
    cJSON *input = cJSON_CreateObject();

    answer_text(input, "TopicArn", arn);
    answer_text(input, "Protocol", text_starts_with(line->words[1], "https:") ? "https" : "http");
    answer_text(input, "Endpoint", line->words[1]);
    return perform(sim, SERVICE_SNS, "Subscribe", input, err);
}

static int make_alarm(struct sim *sim, const char *stream, const char *topic, const char *metric,
                      double threshold, int64_t period_s, struct error *err)
{
    SCOPED(free_text) char *name = must_printf("%s-%s", stream, metric);
    SCOPED(free_text) char *arn = topic_arn(sim, topic);
    cJSON *input = cJSON_CreateObject(), *dimension;

    answer_text(input, "AlarmName", name);
    answer_text(input, "Namespace", "AWS/Kinesis");
    answer_text(input, "MetricName", metric);
    dimension = answer_element(answer_list(input, "Dimensions"));
    answer_text(dimension, "Name", "StreamName");
    answer_text(dimension, "Value", stream);
    answer_text(input, "Statistic", "Sum");
    answer_number(input, "Period", (double)period_s);
    answer_number(input, "EvaluationPeriods", 1);
    answer_number(input, "Threshold", threshold);
    answer_text(input, "ComparisonOperator",
                threshold > 0 ? "GreaterThanOrEqualToThreshold" : "GreaterThanThreshold");
    answer_text(input, "TreatMissingData", "notBreaching");
    (void)cJSON_AddItemToArray(answer_list(input, "AlarmActions"), cJSON_CreateString(arn));
    return perform(sim, SERVICE_CLOUDWATCH, "PutMetricAlarm", input, err);
}

/* The shards that a stream has, or will have once it is made. */
static int count_shards(struct sim *sim, const char *name, int64_t *ret_shards, struct error *err)
{
    struct stream *stream;
    struct fault fault;
    int result;

    model_lock(sim);
    result = model_find_stream(sim, name, &stream, &fault);
    if (result == 0)
        *ret_shards = stream->status == MODEL_CREATING ? stream->planned_shards : model_open_shards(stream);
    else
        (void)error_set(err, ERROR_CONFIG, "there is no stream '%s' above this line", name);
    model_unlock(sim);
    return result;
}

static int make_alarms(struct sim *sim, const struct line *line, struct error *err)
{
    const char *stream = line->words[0], *topic = line->values[0];
    double fraction = 0.8, seconds_of_shards;
    int64_t period_ms = 60000, period_s, shards = 0;

    if (topic == NULL)
        return error_set(err, ERROR_CONFIG, "alarms need a topic=");
    if (line->values[1] != NULL && !number_parse_percent(line->values[1], &fraction))
        return error_set(err, ERROR_CONFIG, "threshold must be a percentage, not '%s'", line->values[1]);
    if (line->values[2] != NULL &&
        (!number_parse_duration(line->values[2], &period_ms) || period_ms % 1000 != 0))
        return error_set(err, ERROR_CONFIG, "period must be whole seconds, not '%s'", line->values[2]);
    if (count_shards(sim, stream, &shards, err) < 0)
        return -1;
    period_s = period_ms / 1000;
    seconds_of_shards = fraction * (double)period_s * (double)shards;
    if (make_alarm(sim, stream, topic, "IncomingBytes", seconds_of_shards * SHARD_BYTES_A_SECOND, period_s,
                   err) < 0 ||
        make_alarm(sim, stream, topic, "IncomingRecords", seconds_of_shards * SHARD_RECORDS_A_SECOND,
                   period_s, err) < 0)
        return -1;
    return make_alarm(sim, stream, topic, "WriteProvisionedThroughputExceeded", 0, period_s, err);
}

static int set_traffic(struct sim *sim, const struct line *line, struct error *err)
{
    int64_t record_bytes = 1024;

    if (line->values[0] == NULL)
        return error_set(err, ERROR_CONFIG, "traffic needs a load=");
    if (line->values[1] != NULL && !number_parse(line->values[1], 1, INT64_MAX, &record_bytes))
        return error_set(err, ERROR_CONFIG, "record must be a number of bytes, not '%s'", line->values[1]);
    return sim_set_traffic(sim, line->words[0], line->values[0], record_bytes,
                           line->values[2] == NULL ? "uniform" : line->values[2], err);
}

static int plan_failure(struct sim *sim, const struct line *line, struct error *err)
{
    const char *deed = line->values[0] == NULL ? "create" : line->values[0];
    int64_t times = 1;

    if (line->values[1] != NULL && !number_parse(line->values[1], 1, 1000000, &times))
        return error_set(err, ERROR_CONFIG, "times must be 1 to 1000000, not '%s'", line->values[1]);
    return sim_fail_resource(sim, line->words[0], deed, times, "the scene wants it to fail", err);
}

static const struct directive {
    const char *name;
    size_t words;
    const char *usage;
    const char *keys[KEYS_MAX + 1]; /* ends with NULL */
    directive_fn *run;
} directives[] = {
    {"stream",
     1,
     "stream NAME [shards=N] [metrics=stream|shard] [consumer=no|yes]",
     {"shards", "metrics", "consumer"},
     make_stream},
    {"topic", 1, "topic NAME [signature=1|2]", {"signature"}, make_topic},
    {"subscribe", 2, "subscribe TOPIC URL", {NULL}, subscribe},
    {"alarms",
     1,
     "alarms STREAM topic=TOPIC [threshold=80%] [period=60s]",
     {"topic", "threshold", "period"},
     make_alarms},
    {"fail", 1, "fail LOGICAL_ID [on=create|update|delete] [times=1]", {"on", "times"}, plan_failure},
    {"traffic",
     1,
     "traffic STREAM load=LOAD [record=BYTES] [keys=KEYS]",
     {"load", "record", "keys"},
     set_traffic},
};

/* ---- lines */

/* Blanks and tabs separate; NULL at the end. */
static char *next_word(char **cursor)
{
    char *word;

    *cursor += strspn(*cursor, " \t");
    if (**cursor == '\0')
        return NULL;
    word = *cursor;
    *cursor += strcspn(*cursor, " \t");
    if (**cursor != '\0')
        *(*cursor)++ = '\0';
    return word;
}

static int take_option(const struct directive *directive, char *word, struct line *line, struct error *err)
{
    char *value = strchr(word, '=');

    if (value == NULL)
        return error_set(err, ERROR_CONFIG, "'%s' has no place here: %s", word, directive->usage);
    *value++ = '\0';
    for (size_t i = 0; directive->keys[i] != NULL; i++) {
        if (strcmp(directive->keys[i], word) != 0)
            continue;
        if (line->values[i] != NULL)
            return error_set(err, ERROR_CONFIG, "%s is there twice", word);
        line->values[i] = value;
        return 0;
    }
    return error_set(err, ERROR_CONFIG, "there is no '%s=': %s", word, directive->usage);
}

static int run_line(struct sim *sim, char *text, struct error *err)
{
    const struct directive *directive = NULL;
    struct line line = {0};
    char *cursor = text, *word = next_word(&cursor);

    if (word == NULL || word[0] == '#')
        return 0;
    for (size_t i = 0; i < COUNT_OF(directives); i++) {
        if (strcmp(directives[i].name, word) == 0)
            directive = &directives[i];
    }
    if (directive == NULL)
        return error_set(err, ERROR_CONFIG,
                         "a line begins with stream, topic, subscribe, alarms, fail or traffic, not '%s'",
                         word);
    for (size_t i = 0; i < directive->words; i++) {
        line.words[i] = next_word(&cursor);
        if (line.words[i] == NULL)
            return error_set(err, ERROR_CONFIG, "too little: %s", directive->usage);
    }
    while ((word = next_word(&cursor)) != NULL) {
        if (take_option(directive, word, &line, err) < 0)
            return -1;
    }
    return directive->run(sim, &line, err);
}

int sim_scene_play(struct sim *sim, const char *name, char *text, struct error *err)
{
    char *cursor, *line;
    bool check_quotas = sim->check_quotas;
    int number = 0, result = 0;

    sim->check_quotas = false; /* what is there from the start was not made in one second */
    for (cursor = text; result == 0 && (line = strsep(&cursor, "\n")) != NULL;) {
        number++;
        result = run_line(sim, text_trim(line), err);
    }
    sim->check_quotas = check_quotas;
    if (result < 0) {
        err->kind = ERROR_CONFIG;
        return error_wrap(err, "%s:%d", name, number);
    }
    return 0;
}

int sim_scene_load(struct sim *sim, const char *path, struct error *err)
{
    SCOPED(free_text) char *text = NULL;

    if (file_read_once(path, SCENE_MAX_BYTES, &text, NULL, err) < 0) {
        err->kind = ERROR_CONFIG;
        return -1;
    }
    return sim_scene_play(sim, path, text, err);
}
