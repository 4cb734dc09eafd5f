/*
 * How many notifications a second are verified, stored so that a power cut does not lose them, and answered.
 *
 * What bounds it is how long the disk takes to say that something is on it; so that is told beside it.
 */
#include "bed.h"

#include "base/clock.h"
#include "base/memory.h"

#include <fcntl.h>
#include <unistd.h>

enum { MESSAGES = 2000, CONNECTIONS = 4, DISK_WRITES = 300, PAGE = 4096 };

struct load {
    struct bed *bed;
    struct sim_delivery *deliveries;
    double *took_ms;
};

/* How often a second one page can be written and waited for, where the database is. */
static double disk_waits(const char *folder)
{
    static const char page[PAGE] = "bench";
    char path[300];
    int64_t start_ns;
    int descriptor;

    snprintf(path, sizeof(path), "%s/scene", folder); /* has been read already */
    descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (descriptor < 0)
        bed_fail("cannot write '%s'", path);
    start_ns = clock_monotonic_ns();
    for (int i = 0; i < DISK_WRITES; i++) {
        if (write(descriptor, page, PAGE) != PAGE || fdatasync(descriptor) < 0)
            bed_fail("cannot write '%s'", path);
    }
    (void)close(descriptor);
    return DISK_WRITES * 1e9 / (double)(clock_monotonic_ns() - start_ns);
}

int main(void)
{
    struct bed_options options = {.streams = 1, .speed = 1, .connections = CONNECTIONS};
    struct load load = {.deliveries = must_calloc(MESSAGES, sizeof(*load.deliveries)),
                        .took_ms = must_calloc(MESSAGES, sizeof(*load.took_ms))};
    double seconds, waits;

    load.bed = bed_start(&options);
    for (int i = 0; i < MESSAGES; i++)
        bed_publish(load.bed, 0);
    for (int i = 0; i < MESSAGES; i++)
        bed_take(load.bed, &load.deliveries[i]);
    waits = disk_waits(bed_folder(load.bed));
    seconds = bed_post_all(load.bed, CONNECTIONS, load.deliveries, MESSAGES, load.took_ms);
    for (int i = 0; i < MESSAGES; i++)
        sim_delivery_clear(&load.deliveries[i]);
    bed_stop(load.bed);

    bed_row("notifications verified, stored and answered, 4 connections", "%8.0f /s", MESSAGES / seconds);
    bed_row("  each", "p50 %6.1f ms   p99 %6.1f ms", bed_percentile(load.took_ms, MESSAGES, 50),
            bed_percentile(load.took_ms, MESSAGES, 99));
    bed_row("  pages written and waited for, on the same disk", "%8.0f /s", waits);
    free(load.deliveries);
    free(load.took_ms);
    return 0;
}
