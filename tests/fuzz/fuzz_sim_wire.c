/*
 * A request to the simulated AWS: the first byte chooses the operation and the protocol, the rest is the body.  With
 * its highest bit set, the first line is the Authorization, and signatures are checked.
 */
#include "fuzz.h"

#include "base/memory.h"
#include "base/text.h"
#include "sim/sim.h"

#include <string.h>

static const char *const operations[] = {
    "Kinesis_20131202.CreateStream",
    "Kinesis_20131202.ListStreams",
    "Kinesis_20131202.ListShards",
    "Kinesis_20131202.SplitShard",
    "Kinesis_20131202.MergeShards",
    "Kinesis_20131202.UpdateShardCount",
    "Kinesis_20131202.EnableEnhancedMonitoring",
    "GraniteServiceVersion20100801.PutMetricAlarm",
    "GraniteServiceVersion20100801.PutCompositeAlarm",
    "GraniteServiceVersion20100801.DescribeAlarms",
    "GraniteServiceVersion20100801.SetAlarmState",
    "GraniteServiceVersion20100801.GetMetricData",
    "GraniteServiceVersion20100801.GetMetricStatistics",
    "GraniteServiceVersion20100801.PutMetricData",
    NULL, /* Query */
    NULL,
};

struct headers {
    const char *target, *authorization;
};

static const char *header(const struct sim_request *request, const char *name)
{
    const struct headers *headers = request->context;
    const char *target = headers->target;

    if (text_equal(name, "Authorization"))
        return headers->authorization;
    if (text_equal(name, "X-Amz-Date"))
        return "20260101T000000Z";
    if (text_equal(name, "X-Amz-Target"))
        return target;
    if (!text_equal(name, "Content-Type"))
        return NULL;
    if (target == NULL)
        return "application/x-www-form-urlencoded";
    return target[0] == 'K' ? "application/x-amz-json-1.1" : "application/x-amz-json-1.0";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_text) char *text = NULL;
    struct headers headers = {.authorization =
                                  "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0"};
    struct sim_options options = {.start_ms = 1763683200000, .metric_delay_ms = -1};
    struct sim_request request = {.method = "POST", .path = "/", .query = "", .header = header};
    struct sim_response response;
    struct sim *sim;
    char *body;

    if (size == 0)
        return 0;
    options.check_signatures = (data[0] & 0x80) != 0;
    headers.target = operations[(data[0] & 0x7f) % COUNT_OF(operations)];
    text = body = must_strndup((const char *)data + 1, size - 1);
    if (options.check_signatures)
        headers.authorization = strsep(&body, "\n");
    request.body = body != NULL ? body : "";
    request.body_length = strlen(request.body);
    request.context = &headers;
    sim = sim_new(&options);
    sim_answer(sim, &request, &response);
    FUZZ_ASSERT(response.status == 200 || (response.status >= 400 && response.status < 500));
    FUZZ_ASSERT(!options.check_signatures || response.status != 200);
    FUZZ_ASSERT(response.status == 200 || response.error_type[0] != '\0');
    FUZZ_ASSERT(text_is_utf8(buffer_text(&response.body), response.body.length));
    buffer_clear(&response.body);
    sim_advance(sim, 1763683200000 + 300000);
    sim_free(sim);
    return 0;
}
