/* No CSV file may crash the reader of traces; one that it takes has rising times and a peak. */
#include "fuzz.h"

#include "base/memory.h"

#include "../../src/sim/load.h"

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
    FUZZ_ASSERT(trace.count > 0 && trace.percentile > 0);
    FUZZ_ASSERT(trace.rows[0].at_ms == 0 && trace.end_ms > trace.rows[trace.count - 1].at_ms);
    for (size_t i = 1; i < trace.count; i++)
        FUZZ_ASSERT(trace.rows[i].at_ms > trace.rows[i - 1].at_ms);
    model_trace_clear(&trace);
    return 0;
}
