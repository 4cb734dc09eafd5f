/*
 * reload.c - another configuration while the daemon runs.
 *
 * Turns, requests and looks that are under way end with the configuration they began with.  What cannot change in a
 * running process, a listener's address or the database, stays as it is and is named until somebody restarts it.
 */
#include "parts.h"

#include "base/date.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/actions.h"

void reload_init(struct reload *reload, int64_t now_ms)
{
    pthread_mutex_init(&reload->mutex, NULL);
    reload->loaded_ms = now_ms;
}

void reload_clear(struct reload *reload)
{
    pthread_mutex_destroy(&reload->mutex);
    names_clear(&reload->waiting);
}

/* What a log line tells of a change. */
static void tell_setting(struct daemon *daemon, struct names *waiting, const struct config_change *change)
{
    (void)daemon;
    if (change->restart)
        names_add(waiting, change->setting);
    LOG(change->restart ? LOG_WARN : LOG_INFO, change->restart ? "restart-needed" : "setting-changed",
        {"section", change->section}, {"setting", change->setting}, {"from", change->from},
        {"to", change->to});
}

static void tell_added(struct daemon *daemon, struct names *waiting, const struct config_change *change)
{
    (void)daemon;
    (void)waiting;
    LOG(LOG_INFO, "section-added", {"section", change->section});
}

/* An action that runs ends where it stands: what its stream shall be is not known any more. */
static void tell_removed(struct daemon *daemon, struct names *waiting, const struct config_change *change)
{
    struct error err = {0};
    struct store *store = stores_take(&daemon->stores, &err);
    struct action action;
    bool running = false;

    (void)waiting;
    if (store != NULL) {
        if (store_action_current(store, change->section, &action, &running, &err) < 0)
            running = false;
        stores_give(&daemon->stores, store);
    }
    LOG(running ? LOG_WARN : LOG_INFO, "section-removed", {"section", change->section},
        {"why", running ? "its action ends where it stands; its thresholds may not fit its shards" : ""});
}

static void (*const tellers[])(struct daemon *daemon, struct names *waiting,
                               const struct config_change *change) = {
    [CHANGE_SETTING] = tell_setting,
    [CHANGE_ADDED] = tell_added,
    [CHANGE_REMOVED] = tell_removed,
};

struct telling {
    struct daemon *daemon;
    struct names waiting;
    size_t changes;
};

static void tell(void *context, const struct config_change *change)
{
    struct telling *telling = context;

    telling->changes++;
    tellers[change->kind](telling->daemon, &telling->waiting, change);
}

static void obey_topics(struct daemon *daemon, const struct service_config *service)
{
    const char *arns[TOPICS_MAX];

    for (size_t i = 0; i < service->topic_count; i++)
        arns[i] = service->topic_arns[i];
    sns_verifier_obey(daemon->verifier, arns, service->topic_count);
}

void daemon_reload(struct daemon *daemon, struct config *config)
{
    struct config *running = engine_config(daemon->engine);
    struct telling telling = {.daemon = daemon};
    struct reload *reload = &daemon->reload;

    config_compare(running, config, tell, &telling);
    config_keep_restart_settings(config, running);
    engine_configure(daemon->engine, config);
    obey_topics(daemon, &config->service);
    workers_reconcile(daemon->workers); /* what is new is looked at now */
    LOG(LOG_INFO, "reloaded", {"changes", .number = (int64_t)telling.changes},
        {"streams", .number = (int64_t)config->stream_count},
        {"patterns", .number = (int64_t)config->pattern_count});

    pthread_mutex_lock(&reload->mutex);
    reload->loaded_ms = reload->tried_ms = clock_now_ms(daemon->clock);
    reload->error[0] = '\0';
    names_clear(&reload->waiting);
    reload->waiting = telling.waiting;
    pthread_mutex_unlock(&reload->mutex);
    config_free(running);
    config_free(config);
}

void daemon_refuse_reload(struct daemon *daemon, const struct fault_list *faults)
{
    struct reload *reload = &daemon->reload;

    for (size_t i = 0; i < faults->count; i++)
        LOG(LOG_ERROR, "config-refused", {"error", faults->texts[i]});
    LOG(LOG_ERROR, "reload-refused", {"faults", .number = (int64_t)faults->count},
        {"why", "the configuration that was in force stays"});
    pthread_mutex_lock(&reload->mutex);
    reload->tried_ms = clock_now_ms(daemon->clock);
    (void)text_copy(reload->error, sizeof(reload->error), faults->texts[0]);
    pthread_mutex_unlock(&reload->mutex);
}

static void add_time(cJSON *object, const char *name, int64_t ms)
{
    char text[DATE_SIZE];

    date_format_seconds(ms, text);
    (void)(ms == 0 ? cJSON_AddNullToObject(object, name) : cJSON_AddStringToObject(object, name, text));
}

cJSON *reload_view(struct reload *reload)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *waiting;

    pthread_mutex_lock(&reload->mutex);
    add_time(object, "loaded", reload->loaded_ms);
    add_time(object, "reload_tried", reload->tried_ms);
    (void)cJSON_AddStringToObject(object, "reload_error", reload->error);
    waiting = cJSON_AddArrayToObject(object, "restart_needed_for");
    for (size_t i = 0; i < reload->waiting.count; i++)
        (void)cJSON_AddItemToArray(waiting, cJSON_CreateString(reload->waiting.items[i]));
    pthread_mutex_unlock(&reload->mutex);
    return object;
}

int64_t reload_loaded_ms(struct reload *reload, bool *ret_refused)
{
    int64_t loaded_ms;

    pthread_mutex_lock(&reload->mutex);
    loaded_ms = reload->loaded_ms;
    *ret_refused = reload->error[0] != '\0';
    pthread_mutex_unlock(&reload->mutex);
    return loaded_ms;
}
