/*
 * dead_letters.c - `dead-letters`: notifications that three turns failed on.
 */
#include "parts.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "daemon/view.h"
#include "store/notifications.h"

static const char *config_path = "streams.conf", *output = "table", *all, *clock_text;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--all", NULL, NULL, "replay or drop every one", &all},
    {"--output", "table|json", "table", "for people or for programs, with list and show", &output},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as the daemon was given", &clock_text},
};

/* More than anybody reads; what is beyond is told. */
enum { LIST_MAX = 1000 };

struct desk {
    struct store *store;
    int64_t now_ms;
    bool json;
};

static int load_dead(struct desk *desk, int64_t id, struct notification *ret_notification, struct error *err)
{
    if (store_notification_load(desk->store, id, ret_notification, err) < 0)
        return -1;
    if (ret_notification->status == NOTIFICATION_DEAD)
        return 0;
    (void)error_set(err, ERROR_NOT_FOUND, "notification %lld is no dead letter: it is %s", (long long)id,
                    notification_status_name(ret_notification->status));
    notification_clear(ret_notification);
    return -1;
}

static void print_json(cJSON *object)
{
    char *text = cJSON_Print(object);

    puts(text);
    cJSON_free(text);
    cJSON_Delete(object);
}

/* ---- list */

static void print_list(const struct notification_list *list)
{
    static const char *const headings[] = {"ID", "RECEIVED", "STREAM", "ALARM", "WHY", NULL};
    struct table table = {.headings = headings, .right_aligned = 0x1};

    for (size_t i = 0; i < list->count; i++) {
        const struct notification *n = &list->items[i];
        char received[DATE_SIZE];

        date_format_seconds(n->received_ms, received);
        table_add(&table, "%lld", (long long)n->id);
        table_add(&table, "%s", received);
        table_add(&table, "%s", n->stream[0] != '\0' ? n->stream : "-");
        table_add(&table, "%s", n->alarm_name);
        table_add(&table, "%s", n->reason);
    }
    table_print(&table, stdout);
    table_clear(&table);
}

static void print_list_json(const struct notification_list *list, int64_t count)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *rows = cJSON_AddArrayToObject(object, "dead_letters");

    for (size_t i = 0; i < list->count; i++)
        (void)cJSON_AddItemToArray(rows, view_notification(&list->items[i]));
    (void)cJSON_AddNumberToObject(object, "count", (double)count);
    print_json(object);
}

static int list(struct desk *desk, struct error *err)
{
    SCOPED(notification_list_clear) struct notification_list found = {0};
    struct dead_letters dead;

    if (store_dead_letters(desk->store, &dead, err) < 0 ||
        store_notifications_recent(desk->store, NULL, NOTIFICATION_DEAD, LIST_MAX, &found, err) < 0)
        return -1;
    if (desk->json) {
        print_list_json(&found, dead.count);
        return 0;
    }
    if (found.count == 0)
        printf("there are no dead letters\n");
    else
        print_list(&found);
    if (dead.count > (int64_t)found.count)
        printf("and %lld older ones\n", (long long)(dead.count - (int64_t)found.count));
    return 0;
}

/* ---- show, replay, drop: one at a time */

static int show(struct desk *desk, int64_t id, struct error *err)
{
    SCOPED(notification_clear) struct notification n = {0};
    char received[DATE_SIZE], changed[DATE_SIZE];

    if (load_dead(desk, id, &n, err) < 0)
        return -1;
    if (desk->json) {
        print_json(view_notification(&n));
        return 0;
    }
    date_format_seconds(n.received_ms, received);
    date_format_seconds(n.changed_ms, changed);
    cli_print(stdout, "%lld: alarm '%s' of stream '%s' went to %s at %s\n", (long long)n.id, n.alarm_name,
              n.stream[0] != '\0' ? n.stream : "?", n.new_state, changed);
    cli_print(stdout, "  message   %s, received %s\n", n.message_id, received);
    cli_print(stdout, "  topic     %s\n", n.topic_arn);
    cli_print(stdout, "  attempts  %d\n", n.attempts);
    cli_print(stdout, "  died of   %s\n", n.reason);
    cli_print(stdout, "  said      %s\n",
              n.body[0] != '\0' ? n.body : "nothing: it was found by looking at the alarms");
    return 0;
}

static int replay(struct desk *desk, int64_t id, struct error *err)
{
    if (store_notification_replay(desk->store, id, desk->now_ms, err) < 0)
        return -1;
    printf("%lld: waits for its turn again\n", (long long)id);
    return 0;
}

static int drop(struct desk *desk, int64_t id, struct error *err)
{
    if (store_notification_drop_dead(desk->store, id, err) < 0)
        return -1;
    printf("%lld: dropped\n", (long long)id);
    return 0;
}

static const struct verb {
    const char *name;
    int (*each)(struct desk *desk, int64_t id, struct error *err); /* NULL: takes no id */
    bool may_take_all;
} verbs[] = {
    {"list", NULL, false},
    {"show", show, false},
    {"replay", replay, true},
    {"drop", drop, true},
};

/* Those there are now: one that dies again meanwhile is left for the next time. */
static int each_of_all(struct desk *desk, const struct verb *verb, struct error *err)
{
    SCOPED(notification_list_clear) struct notification_list found = {0};
    bool any = false;

    do {
        notification_list_clear(&found);
        if (store_notifications_recent(desk->store, NULL, NOTIFICATION_DEAD, LIST_MAX, &found, err) < 0)
            return -1;
        for (size_t i = 0; i < found.count; i++) {
            if (verb->each(desk, found.items[i].id, err) < 0)
                return -1;
        }
        any = any || found.count > 0;
    } while (found.count == LIST_MAX);
    if (!any)
        printf("there are no dead letters\n");
    return 0;
}

/* All ids are read before the first is touched; one that is no dead letter is told, and does not stop the others. */
static int each_of_given(struct desk *desk, const struct verb *verb, int argc, char **argv, struct error *err)
{
    int unknown = 0;

    for (int round = 0; round < 2; round++) {
        for (int i = 2; i <= argc; i++) {
            int64_t id;

            if (!number_parse(argv[i], 1, INT64_MAX, &id))
                return error_set(err, ERROR_CONFIG, "'%s' is no id; 'kinescale dead-letters list' shows them",
                                 argv[i]);
            if (round == 0 || verb->each(desk, id, err) == 0)
                continue;
            if (err->kind != ERROR_NOT_FOUND || argc == 2)
                return -1;
            (void)cli_fail(err);
            unknown++;
        }
    }
    return unknown == 0 ? 0
                        : error_set(err, ERROR_NOT_FOUND, "%d of %d are no dead letters", unknown, argc - 1);
}

static int check_arguments(const struct verb *verb, int argc, struct error *err)
{
    if (verb->each == NULL && argc > 1)
        return error_set(err, ERROR_CONFIG, "'%s' takes no id", verb->name);
    if (all != NULL && !verb->may_take_all)
        return error_set(err, ERROR_CONFIG, "'%s' has no use for --all", verb->name);
    if (verb->each != NULL && (all != NULL) == (argc > 1))
        return error_set(err, ERROR_CONFIG, "'%s' needs one or more ids%s", verb->name,
                         verb->may_take_all ? ", or --all" : "");
    return 0;
}

static const struct verb *find_verb(int argc, char **argv, struct error *err)
{
    for (size_t i = 0; argc > 0 && i < COUNT_OF(verbs); i++) {
        if (text_equal(verbs[i].name, argv[1]))
            return &verbs[i];
    }
    (void)error_set(err, ERROR_CONFIG, "what shall be done?  list, show, replay or drop%s%.40s%s",
                    argc > 0 ? ", not '" : "", argc > 0 ? argv[1] : "", argc > 0 ? "'" : "");
    return NULL;
}

static int deal(struct desk *desk, const struct verb *verb, int argc, char **argv, struct error *err)
{
    if (verb->each == NULL)
        return list(desk, err);
    return all != NULL ? each_of_all(desk, verb, err) : each_of_given(desk, verb, argc, argv, err);
}

static int serve(struct desk *desk, const struct config *config, const struct verb *verb, int argc,
                 char **argv, struct error *err)
{
    int result;

    if ((verb->may_take_all ? store_open : store_open_readonly)(config->service.database, &desk->store, err) <
        0)
        return err->kind == ERROR_NOT_FOUND ? error_wrap(err, "nothing is known yet") : -1;
    result = deal(desk, verb, argc, argv, err);
    store_close(desk->store);
    return result;
}

/* What the command line alone tells: a fault of it is said before any file is looked for. */
static const struct verb *read_arguments(int argc, char **argv, struct desk *desk, struct error *err)
{
    const struct verb *verb = find_verb(argc, argv, err);
    struct scaled_clock scaled;
    struct clock *clock;

    if (verb == NULL || check_arguments(verb, argc, err) < 0 || !cli_output(output, &desk->json, err) ||
        cli_clock(clock_text, &scaled, &clock, err) < 0)
        return NULL;
    desk->now_ms = clock_now_ms(clock);
    return verb;
}

static int run(int argc, char **argv)
{
    struct error err = {0};
    struct desk desk = {0};
    const struct verb *verb;
    struct config *config;
    int code = EXIT_DONE;
    int left = cli_parse(&command_dead_letters, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    verb = read_arguments(left, argv, &desk, &err);
    if (verb == NULL)
        return cli_fail(&err);
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    code = serve(&desk, config, verb, left, argv, &err) < 0 ? cli_fail(&err) : EXIT_DONE;
    config_free(config);
    return code;
}

const struct command command_dead_letters = {
    "dead-letters", "list|show|replay|drop [ID...]",
    "List, show, replay or drop notifications that three turns failed on", run};
