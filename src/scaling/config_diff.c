/*
 * config_diff.c - what is different in another configuration.
 */
#include "scaling/config.h"
#include "scaling/settings.h"

#include <string.h>

struct comparison {
    config_change_fn *tell;
    void *context;
};

static void tell(const struct comparison *comparison, struct config_change change)
{
    comparison->tell(comparison->context, &change);
}

/* `before` and `after` are service_configs or stream_configs, as the scope says. */
static void compare_settings(const struct comparison *comparison, enum setting_scope scope,
                             const char *section, const void *before, const void *after)
{
    size_t count;
    const struct setting *all = settings(&count);
    char from[SETTING_VALUE_SIZE], to[SETTING_VALUE_SIZE];

    for (size_t i = 0; i < count; i++) {
        if (all[i].scope != scope)
            continue;
        setting_format(&all[i], before, from);
        setting_format(&all[i], after, to);
        if (strcmp(from, to) != 0)
            tell(comparison, (struct config_change){.kind = CHANGE_SETTING,
                                                    .section = section,
                                                    .setting = all[i].name,
                                                    .from = from,
                                                    .to = to,
                                                    .restart = all[i].restart});
    }
}

static const struct stream_config *find_section(const struct stream_config *sections, size_t count,
                                                const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    }
    return NULL;
}

static void compare_patterns(const struct comparison *comparison, const struct config *before,
                             const struct config *after)
{
    for (size_t i = 0; i < before->pattern_count; i++) {
        if (find_section(after->patterns, after->pattern_count, before->patterns[i].name) == NULL)
            tell(comparison,
                 (struct config_change){.kind = CHANGE_REMOVED, .section = before->patterns[i].name});
    }
    for (size_t i = 0; i < after->pattern_count; i++) {
        const struct stream_config *now = &after->patterns[i];
        const struct stream_config *then = find_section(before->patterns, before->pattern_count, now->name);

        if (then == NULL)
            tell(comparison, (struct config_change){.kind = CHANGE_ADDED, .section = now->name});
        else
            compare_settings(comparison, SCOPE_STREAM, now->name, then, now);
    }
}

/* A stream that had, or gets, its settings from a pattern is compared with those. */
static void compare_streams(const struct comparison *comparison, const struct config *before,
                            const struct config *after)
{
    struct stream_config room;

    for (size_t i = 0; i < before->stream_count; i++) {
        const struct stream_config *then = &before->streams[i];
        const struct stream_config *now = config_resolve(after, then->name, &room);

        if (now == NULL)
            tell(comparison, (struct config_change){.kind = CHANGE_REMOVED, .section = then->name});
        else if (then->pattern[0] == '\0' || now->pattern[0] == '\0')
            compare_settings(comparison, SCOPE_STREAM, then->name, then, now);
    }
    for (size_t i = 0; i < after->stream_count; i++) {
        if (after->streams[i].pattern[0] == '\0' && config_find(before, after->streams[i].name) == NULL)
            tell(comparison, (struct config_change){.kind = CHANGE_ADDED, .section = after->streams[i].name});
    }
}

void config_compare(const struct config *before, const struct config *after, config_change_fn *change,
                    void *context)
{
    struct comparison comparison = {change, context};

    compare_settings(&comparison, SCOPE_SERVICE, "service", &before->service, &after->service);
    compare_patterns(&comparison, before, after);
    compare_streams(&comparison, before, after);
}

void config_keep_restart_settings(struct config *config, const struct config *running)
{
    size_t count;
    const struct setting *all = settings(&count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].restart)
            memcpy((char *)&config->service + all[i].offset, (const char *)&running->service + all[i].offset,
                   all[i].size);
    }
}
