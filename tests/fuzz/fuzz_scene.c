/* A scene file, with its loads and keys: played and lived through for two minutes, or refused with its line. */
#include "fuzz.h"

#include "base/memory.h"
#include "base/text.h"
#include "sim/sim.h"

#define START_MS 1763683200000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_text) char *text = must_strndup((const char *)data, size);
    struct sim *sim =
        sim_new(&(struct sim_options){.start_ms = START_MS, .metric_delay_ms = -1, .leave_unsigned = true});
    struct error err = {0};

    if (sim_scene_play(sim, "fuzz.scene", text, &err) < 0)
        FUZZ_ASSERT(err.kind == ERROR_CONFIG && text_starts_with(err.message, "fuzz.scene:"));
    sim_advance(sim, START_MS + 120000);
    sim_free(sim);
    return 0;
}
