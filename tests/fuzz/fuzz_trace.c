/*
 * fuzz_trace.c - no CSV file may crash the reader of traces or make it break its promises.
 */
#include "base/memory.h"

#include "../../src/sim/load.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *text = must_calloc(size + 1, 1);
    struct trace trace = {0};
    struct error err = {0};

    memcpy(text, data, size);
    if (model_trace_parse("fuzz.csv", text, size, &trace, &err) == 0) {
        if (trace.count == 0 || trace.percentile <= 0 || trace.end_ms <= trace.rows[trace.count - 1].at_ms)
            abort();
        for (size_t i = 1; i < trace.count; i++) {
            if (trace.rows[i].at_ms <= trace.rows[i - 1].at_ms)
                abort();
        }
        model_trace_clear(&trace);
    } else if (err.kind != ERROR_INPUT || trace.rows != NULL) {
        abort();
    }
    free(text);
    return 0;
}
