/* Metric math, one expression a line, e1 to e8, over the metrics m1 and m2: worked out, or refused. */
#include "fuzz.h"

#include "../../src/sim/expression.h"
#include "base/memory.h"
#include "base/text.h"

enum { EXPRESSIONS = 8, METRICS = 2, PERIODS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char ids[EXPRESSIONS + METRICS][3] = {"m1", "m2", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8"};
    static char sum[] = "Sum";
    static struct sim *sim;
    SCOPED(free_text) char *text = must_strndup((const char *)data, size);
    struct data_query queries[EXPRESSIONS + METRICS] = {0};
    const struct grid grid = {.first_ms = 1763683200000, .period_ms = 60000, .count = PERIODS};
    size_t count = METRICS;
    char *cursor = text, *line;

    if (sim == NULL)
        sim = sim_new(&(struct sim_options){.start_ms = 1763683500000, .leave_unsigned = true});
    for (size_t i = 0; i < METRICS; i++)
        queries[i] = (struct data_query){
            .id = ids[i], .metric = {.namespace = ids[i], .name = ids[i]}, .stat = sum, .period_s = 60};
    while (count < COUNT_OF(queries) && (line = text_split(&cursor, '\n')) != NULL) {
        queries[count] = (struct data_query){.id = ids[count], .expression = line};
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        double values[PERIODS];
        struct error err = {0};

        if (model_math(sim, queries, count, i, &grid, values, &err) < 0)
            FUZZ_ASSERT(err.kind == ERROR_INPUT && err.message[0] != '\0');
    }
    return 0;
}
