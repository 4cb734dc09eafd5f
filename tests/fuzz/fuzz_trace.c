/* No CSV file may crash the reader of traces; one that it takes has rising times, and can be a load or says why not. */
#include "memory_file.h"

#include "base/memory.h"

#include "../../src/sim/load.h"

#include <math.h>

/* A file may span years: that takes its time, and finds nothing new. */
enum { SPAN_TRIED_MS = 7 * 24 * 3600 * 1000 };

/* As backtest reads it: minute by minute, counts scaled to a peak. */
static void try_load(const uint8_t *data, size_t size, bool has_bytes)
{
    static struct memory_file file;
    const struct sim_load_options scaled = {.peak_bytes_s = 24 << 20, .record_bytes = 1024}, plain = {0};
    struct sim_load load = {0};
    struct error err = {0};

    if (sim_load_read(memory_file_write(&file, data, size), has_bytes ? &plain : &scaled, &load, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_CONFIG && load.minutes == NULL);
        return;
    }
    FUZZ_ASSERT(load.count > 0);
    for (size_t i = 0; i < load.count; i++) {
        FUZZ_ASSERT(isfinite(load.minutes[i].bytes) && load.minutes[i].bytes >= 0);
        FUZZ_ASSERT(isfinite(load.minutes[i].records) && load.minutes[i].records >= 0);
    }
    sim_load_clear(&load);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_text) char *text = must_calloc(size + 1, 1);
    struct trace trace = {0};
    struct error err = {0};

    if (size > 0)
        memcpy(text, data, size);
    if (model_trace_parse("fuzz.csv", text, size, &trace, &err) < 0) {
        FUZZ_ASSERT(err.kind == ERROR_INPUT && trace.rows == NULL);
        return 0;
    }
    FUZZ_ASSERT(trace.count > 0 && (trace.percentile > 0 || trace.rows[0].records >= 0));
    FUZZ_ASSERT(trace.rows[0].at_ms == 0 && trace.end_ms > trace.rows[trace.count - 1].at_ms);
    for (size_t i = 1; i < trace.count; i++)
        FUZZ_ASSERT(trace.rows[i].at_ms > trace.rows[i - 1].at_ms);
    if (trace.end_ms <= SPAN_TRIED_MS)
        try_load(data, size, trace.rows[0].records >= 0);
    model_trace_clear(&trace);
    return 0;
}
