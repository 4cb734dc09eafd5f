/* How long from the POST of an alarm to the first SplitShard on the wire, on streams that were at rest. */
#include "bed.h"

#include "base/clock.h"

enum { ALARMS = 200, PAUSE_MS = 50 };

static void measure(int latency_ms)
{
    static double own[ALARMS], whole[ALARMS], trips[ALARMS];
    struct bed_options options = {
        .streams = ALARMS, .speed = 60, .latency_ms = latency_ms, .service = "reconcile_every = 1h\n"};
    struct bed *bed = bed_start(&options);
    char what[80];

    for (int i = 0; i < ALARMS; i++) {
        struct sim_delivery delivery;
        struct bed_calls calls;
        int64_t since_ns;
        int status;

        bed_alarm(bed, i);
        bed_take(bed, &delivery);
        since_ns = clock_monotonic_ns();
        status = bed_post(bed, 0, &delivery);
        if (status != 200)
            bed_fail("an alarm was answered %d", status);
        sim_delivery_clear(&delivery);
        calls = bed_wait_split(bed, i, since_ns);
        whole[i] = (double)(calls.split_ns - since_ns) / 1e6;
        own[i] = whole[i] - (double)calls.aws_ns / 1e6;
        trips[i] = calls.round_trips;
        clock_sleep_ms(clock_system(), PAUSE_MS);
    }
    bed_stop(bed);
    snprintf(what, sizeof(what), "alarm to SplitShard, AWS answers in %d ms: own time", latency_ms);
    bed_row(what, "p50 %6.1f ms   p99 %6.1f ms", bed_percentile(own, ALARMS, 50),
            bed_percentile(own, ALARMS, 99));
    bed_row("  as a whole", "p50 %6.1f ms   p99 %6.1f ms", bed_percentile(whole, ALARMS, 50),
            bed_percentile(whole, ALARMS, 99));
    bed_row("  AWS round trips before it", "p50 %6.0f      most %5.0f", bed_percentile(trips, ALARMS, 50),
            bed_percentile(trips, ALARMS, 100));
}

int main(void)
{
    measure(0);
    measure(20);
    return 0;
}
