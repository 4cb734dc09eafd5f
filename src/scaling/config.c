/*
 * config.c - a configuration from text: read, filled with defaults, checked.
 */
#include "scaling/config.h"

#include "config_parts.h"

#include "base/memory.h"
#include "base/text.h"

/* The table's own defaults.  They are part of the program: a wrong one is a bug that every test meets. */
static void set_fallbacks(struct config *config, struct fault_log *faults)
{
    size_t count;
    const struct setting *all = settings(&count);

    for (size_t i = 0; i < count; i++) {
        void *target = all[i].scope == SCOPE_SERVICE ? (void *)&config->service : (void *)&config->defaults;

        if (all[i].fallback != NULL && *all[i].fallback != '\0')
            (void)config_read_value(&all[i], all[i].fallback, 0, target, faults);
    }
}

/* A stream takes from [defaults] what it does not give; desired_shards, given nowhere, is its min_shards. */
static void inherit(struct draft *draft)
{
    struct config *config = draft->config;
    size_t count;
    const struct setting *all = settings(&count);

    for (size_t i = 0; i < config->stream_count; i++) {
        struct stream_config *stream = &config->streams[i];

        for (size_t j = 0; j < count; j++) {
            if (all[j].scope == SCOPE_STREAM && draft->streams[i].lines[j] == 0)
                memcpy((char *)stream + all[j].offset, (const char *)&config->defaults + all[j].offset,
                       all[j].size);
        }
        stream->desired_given = stream->desired_shards != 0;
        if (!stream->desired_given)
            stream->desired_shards = stream->min_shards;
    }
    if (config->defaults.desired_shards == 0)
        config->defaults.desired_shards = config->defaults.min_shards;
}

static void read_and_check(const char *text, size_t length, struct draft *draft, struct fault_log *faults)
{
    set_fallbacks(draft->config, faults);
    if (length > CONFIG_SIZE_MAX) {
        fault_add(faults, 1, "the file must have at most %d bytes, not %zu", CONFIG_SIZE_MAX, length);
        return;
    }
    config_read_text(text, length, draft, faults);
    inherit(draft);
    config_check_rules(draft, faults);
    config_take_patterns(draft->config);
    config_check_patterns(draft->config, faults);
    config_index(draft->config);
}

int config_parse(const char *text, size_t length, const char *file, struct config **ret_config,
                 struct fault_list *faults, struct error *err)
{
    struct fault_log log = {.file = file};
    struct draft draft = {.config = must_calloc(1, sizeof(struct config))};

    read_and_check(text, length, &draft, &log);
    free(draft.streams);
    fault_log_take(&log, faults);
    if (faults->count > 0) {
        config_free(draft.config);
        return error_set(err, ERROR_CONFIG, "%s", faults->texts[0]);
    }
    *ret_config = draft.config;
    return 0;
}

static int compare_streams(const void *a, const void *b)
{
    const struct stream_config *left = *(const struct stream_config *const *)a;
    const struct stream_config *right = *(const struct stream_config *const *)b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : left->line - right->line;
}

void config_index(struct config *config)
{
    free(config->by_name);
    config->by_name = must_calloc(config->stream_count, sizeof(const struct stream_config *));
    for (size_t i = 0; i < config->stream_count; i++)
        config->by_name[i] = &config->streams[i];
    qsort(config->by_name, config->stream_count, sizeof(const struct stream_config *), compare_streams);
}

struct config *config_hold(struct config *config)
{
    atomic_fetch_add(&config->holders, 1);
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL || atomic_fetch_sub(&config->holders, 1) > 0)
        return;
    free(config->patterns);
    free(config->by_name);
    free(config->streams);
    free(config);
}

static int compare_name(const void *key, const void *item)
{
    return strcmp(key, (*(const struct stream_config *const *)item)->name);
}

const struct stream_config *config_find(const struct config *config, const char *stream)
{
    const struct stream_config **found = bsearch(stream, config->by_name, config->stream_count,
                                                 sizeof(const struct stream_config *), compare_name);

    return found == NULL ? NULL : *found;
}

void config_raise_floor(struct stream_config *stream, int64_t open, int64_t now_ms, int64_t slack_ms)
{
    int64_t floor = floors_needed(&stream->floors, open, now_ms, slack_ms);

    if (floor > stream->max_shards)
        floor = stream->max_shards;
    if (floor > stream->min_shards)
        stream->min_shards = stream->floor_shards = floor;
}

const char *config_policy_name(const struct stream_config *stream)
{
    return stream->policy == POLICY_ADAPTIVE ? "adaptive" : "classic";
}

static bool same(const struct setting *setting, const struct stream_config *a, const struct stream_config *b)
{
    return memcmp((const char *)a + setting->offset, (const char *)b + setting->offset, setting->size) == 0;
}

bool config_differs(const struct stream_config *stream, const struct stream_config *inherited,
                    const struct setting *setting)
{
    struct stream_config plain = {0};
    struct fault_log none = {0};

    if (setting->fallback != NULL && *setting->fallback != '\0')
        (void)config_read_value(setting, setting->fallback, 0, &plain, &none);
    return !same(setting, stream, &plain) && (inherited == NULL || !same(setting, stream, inherited));
}

const char *config_minimum_name(const struct stream_config *stream)
{
    return stream->floor_shards > 0 ? "floor" : "min_shards";
}

bool config_has_topic(const struct config *config, const char *topic_arn)
{
    for (size_t i = 0; i < config->service.topic_count; i++) {
        if (text_equal(config->service.topic_arns[i], topic_arn))
            return true;
    }
    return false;
}
