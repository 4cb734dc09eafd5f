/* streams.conf: read whole, or refused with at least one fault, each of one line. */
#include "fuzz.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/config.h"

/* The words of the file as if they were streams that exist. */
static void try_found(const struct config *config, const char *text, size_t size)
{
    SCOPED(free_text) char *copy = must_strndup(text, size);
    struct names names = {0};
    struct config *with;
    char *rest = copy;

    for (char *word = strsep(&rest, " []=\n"); word != NULL; word = strsep(&rest, " []=\n"))
        names_add(&names, word);
    with = config_with_found(config, &names);
    for (size_t i = 0; with != NULL && i < with->stream_count; i++) {
        const struct stream_config *stream = &with->streams[i];

        FUZZ_ASSERT(config_find(with, stream->name) == stream && config_covers(config, stream->name));
        FUZZ_ASSERT((stream->pattern[0] == '\0') == (i < config->stream_count));
    }
    config_free(with);
    names_clear(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct fault_list faults = {0};
    struct error err = {0};

    if (config_parse((const char *)data, size, "fuzz.conf", &config, &faults, &err) == 0) {
        FUZZ_ASSERT(config != NULL && config->stream_count + config->pattern_count > 0 && faults.count == 0);
        for (size_t i = 0; i < config->stream_count; i++) {
            const struct stream_config *stream = &config->streams[i];

            FUZZ_ASSERT(config_find(config, stream->name) == stream);
            FUZZ_ASSERT(stream->min_shards >= 1 && stream->min_shards <= stream->max_shards);
            FUZZ_ASSERT(stream->scale_down_threshold < stream->target_utilization);
            FUZZ_ASSERT(stream->target_utilization < stream->scale_up_threshold);
        }
        for (size_t i = 0; i < config->pattern_count; i++) {
            const struct stream_config *pattern = &config->patterns[i];

            FUZZ_ASSERT(strchr(pattern->name, '*') != NULL && config_find(config, pattern->name) == NULL);
            FUZZ_ASSERT(pattern->min_shards >= 1 && pattern->min_shards <= pattern->max_shards);
        }
        try_found(config, (const char *)data, size);
    } else {
        FUZZ_ASSERT(config == NULL);
        FUZZ_ASSERT(err.kind == ERROR_CONFIG && faults.count > 0);
        FUZZ_ASSERT(faults.count <= CONFIG_FAULTS_MAX);
        for (size_t i = 0; i < faults.count; i++) {
            FUZZ_ASSERT(text_starts_with(faults.texts[i], "fuzz.conf:"));
            FUZZ_ASSERT(strchr(faults.texts[i], '\n') == NULL);
        }
    }
    config_free(config);
    fault_list_clear(&faults);
    return 0;
}
