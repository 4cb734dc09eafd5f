/* Answers of Kinesis: taken whole and within bounds, or refused with a reason. */
#include "one_answer.h"

#include "aws/kinesis.h"

static struct one_answer kinesis;

static void try_summary(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&kinesis, data, size, 200);
    struct stream_summary summary = {0};
    struct error err = {0};

    if (kinesis_describe_summary(client, "orders", &summary, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0');
        return;
    }
    FUZZ_ASSERT(summary.open_shards >= 0 && summary.consumers >= 0 && summary.created_ms >= 0);
    FUZZ_ASSERT(stream_status_name(summary.status) != NULL);
    FUZZ_ASSERT(strnlen(summary.arn, sizeof(summary.arn)) < sizeof(summary.arn));
}

static void try_shards(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&kinesis, data, size, 200);
    struct shard_map map = {0};
    struct error err = {0};

    if (kinesis_list_shards(client, "orders", &map, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && map.items == NULL);
    for (size_t i = 0; i < map.count; i++) {
        FUZZ_ASSERT(map.items[i].id[0] != '\0' && map.items[i].start <= map.items[i].end);
        FUZZ_ASSERT(i == 0 || map.items[i - 1].start <= map.items[i].start);
    }
    shard_map_clear(&map);
}

static void try_streams(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&kinesis, data, size, 200);
    struct names names = {0};
    struct error err = {0};

    if (kinesis_list_streams(client, &names, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && names.count == 0);
    for (size_t i = 0; i < names.count; i++)
        FUZZ_ASSERT(names.items[i][0] != '\0');
    names_clear(&names);
}

static void try_limits(const uint8_t *data, size_t size)
{
    struct aws_client *client = one_answer_client(&kinesis, data, size, 200);
    int64_t limit = 0, open = 0;
    struct error err = {0};

    if (kinesis_limits(client, &limit, &open, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0');
    else
        FUZZ_ASSERT(limit >= 0 && open >= 0);
}

/* The same bytes as a refusal, to an operation that is and to one that is not repeated. */
static void try_refusals(const uint8_t *data, size_t size)
{
    int status = one_answer_refusal(size);
    int64_t limit = 0, open = 0;
    struct error err = {0};

    FUZZ_ASSERT(kinesis_split(one_answer_client(&kinesis, data, size, status), "orders", "s", 7, &err) < 0);
    FUZZ_ASSERT(err.kind != ERROR_NONE && err.message[0] != '\0');
    FUZZ_ASSERT(kinesis_limits(one_answer_client(&kinesis, data, size, status), &limit, &open, &err) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_summary(data, size);
    try_shards(data, size);
    try_streams(data, size);
    try_limits(data, size);
    try_refusals(data, size);
    return 0;
}
