/* What a scale-down pass over 1,000 streams with a day of metrics asks of AWS, and how long it takes. */
#include "bed.h"

#include "base/clock.h"
#include "base/memory.h"

enum { STREAMS = 1000, DAY_AND_A_BIT_MS = (24 * 60 + 15) * 60 * 1000 };

int main(void)
{
    /* AWS's quotas are kept in simulated time: six seconds of ours are a minute of theirs. */
    struct bed_options options = {
        .streams = STREAMS, .shards = 2, .warm_up_ms = DAY_AND_A_BIT_MS, .speed = 10, .no_daemon = true};
    static const char *const operations[] = {"DescribeStreamSummary", "ListShards", "GetMetricData"};
    struct bed *bed = bed_start(&options);
    int64_t start_ns = clock_monotonic_ns();
    int code = bed_run(bed, "scale-down", "--dry-run");
    double seconds = (double)(clock_monotonic_ns() - start_ns) / 1e9;
    char what[80];

    if (code != 0)
        bed_fail("the pass ended with exit code %d: see %s/log", code, bed_folder(bed));
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        snprintf(what, sizeof(what), "a pass over %d streams: %s", STREAMS, operations[i]);
        bed_row(what, "%8d calls", bed_count(bed, operations[i], start_ns));
    }
    snprintf(what, sizeof(what), "a pass over %d streams, as AWS's quotas let it", STREAMS);
    bed_row(what, "%8.0f s", seconds * options.speed);
    bed_stop(bed);
    return 0;
}
