/*
 * discover.c - the configuration in force, and the streams that its patterns match.
 *
 * DESIGN  A configuration is never changed: another one takes its place under the mutex, and whoever looks at the old one
 * holds it until done.  Looking for streams takes a while; what was found counts only when the configuration it was
 * found for is still in force, else the next look finds it again.
 */
#include "turn.h"

#include "base/log.h"

struct config *engine_config(struct engine *engine)
{
    struct config *config;

    pthread_mutex_lock(&engine->config_mutex);
    config = config_hold(engine->config);
    pthread_mutex_unlock(&engine->config_mutex);
    return config;
}

/* Takes `config` over, unless another one than `before` is in force by now; NULL: whichever is. */
static bool put(struct engine *engine, const struct config *before, struct config *config)
{
    struct config *old = config;
    bool same;

    pthread_mutex_lock(&engine->config_mutex);
    same = before == NULL || engine->config == before;
    if (same) {
        old = engine->config;
        engine->config = config;
    }
    pthread_mutex_unlock(&engine->config_mutex);
    config_free(old);
    return same;
}

/* The streams that have no section of their own. */
static void list_found(const struct config *config, struct names *names)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        if (config->streams[i].pattern[0] != '\0')
            names_add(names, config->streams[i].name);
    }
}

void engine_configure(struct engine *engine, struct config *config)
{
    struct config *before = engine_config(engine);
    struct names found = {0};
    struct config *with;

    list_found(before, &found);
    config_free(before);
    with = config_with_found(config, &found);
    names_clear(&found);
    (void)put(engine, NULL, with != NULL ? with : config_hold(config));
}

/* One line for each stream of `config` that `other` does not have. */
static void tell(const char *event, const struct config *config, const struct config *other)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        const struct stream_config *stream = &config->streams[i];

        if (stream->pattern[0] != '\0' && config_find(other, stream->name) == NULL)
            LOG(LOG_INFO, event, {"stream", stream->name}, {"pattern", stream->pattern});
    }
}

/* What is in force now is what a start would have to know. */
static int remember(struct store *store, const struct config *config, struct error *err)
{
    struct names found = {0};
    int result;

    list_found(config, &found);
    result = store_found_set(store, &found, err);
    names_clear(&found);
    return result;
}

static int take_over(struct engine *engine, struct store *store, struct config *before,
                     const struct names *names, struct error *err)
{
    struct config *with = config_with_found(before, names);

    if (with == NULL)
        return 0;
    tell("stream-found", with, before);
    tell("stream-left", before, with);
    if (store != NULL && remember(store, with, err) < 0) {
        config_free(with);
        return -1;
    }
    (void)put(engine, before, with);
    return 0;
}

int engine_discover(struct engine *engine, struct store *store, struct error *err)
{
    struct config *config = engine_config(engine);
    struct names names = {0};
    int result = 0;

    if (config->pattern_count > 0)
        result = kinesis_list_streams(engine->aws, &names, err);
    if (config->pattern_count > 0 && result == 0)
        result = take_over(engine, store, config, &names, err);
    names_clear(&names);
    config_free(config);
    return result;
}

int engine_recall(struct store *store, struct config **config, struct error *err)
{
    struct names names = {0};
    struct config *with;

    if ((*config)->pattern_count == 0)
        return 0;
    if (store_found_load(store, &names, err) < 0)
        return -1;
    with = config_with_found(*config, &names);
    names_clear(&names);
    if (with != NULL) {
        config_free(*config);
        *config = with;
    }
    return 0;
}
