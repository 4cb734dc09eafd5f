/*
 * demo_watch.c - tells what happens, line by line, as it is found in the daemon's database and in CloudWatch.
 */
#include "demo.h"

#include "base/memory.h"
#include "base/text.h"
#include "scaling/alarms.h"
#include "store/decisions.h"
#include "store/notifications.h"

#include <math.h>

enum { WATCH_EVERY_REAL_MS = 50, RECENT = 50, DAY_MINUTES = 24 * 60 };

/* What a person watching should know about the hour; the producers' hours, which began at DEMO_FIRST_HOUR. */
static const struct {
    double hour;
    bool holds; /* is it worth telling why the scale-down pass gives nothing back? */
    const char *text;
} phases[] = {
    {0, false, "Friday morning.  The rush that begins lasts until the early afternoon."},
    {14.85, true,
     "The rush is over.  The policy adaptive gives shards back within hours, classic after a day without "
     "need."},
    {24, true, "Saturday.  It stays quiet."},
    {48, true, "Sunday."},
};

static void say(const struct demo *demo, int64_t at_ms, const char *stream, const char *what,
                const char *text)
{
    static const char *const days[] = {"Fri", "Sat", "Sun", "Mon", "Tue", "Wed", "Thu"};
    int64_t minutes = (at_ms - demo->friday_ms) / 60000;

    printf("  %s %02lld:%02lld  %-14s %-9s  %s\n", days[minutes / DAY_MINUTES % 7],
           (long long)minutes / 60 % 24, (long long)minutes % 60, stream, what, text);
    fflush(stdout);
}

static void watch_time(struct demo *demo)
{
    double hour = DEMO_FIRST_HOUR + (double)(clock_now_ms(&demo->clock.clock) - demo->day_ms) / 3600000;

    for (; demo->phase < COUNT_OF(phases) && phases[demo->phase].hour <= hour; demo->phase++) {
        printf("\n  %s\n", phases[demo->phase].text);
        fflush(stdout);
    }
}

static struct seen_stream *seen_stream(struct demo *demo, const char *name)
{
    for (size_t i = 0; i < demo->config->stream_count; i++) {
        if (strcmp(demo->config->streams[i].name, name) == 0)
            return &demo->streams[i];
    }
    return NULL;
}

static void watch_notifications(struct demo *demo)
{
    struct notification_list list = {0};
    struct error err = {0};

    if (store_notifications_recent(demo->store, NULL, -1, 50, &list, &err) < 0)
        return;
    for (size_t i = list.count; i > 0; i--) {
        const struct notification *n = &list.items[i - 1];

        if (n->id <= demo->last_notification)
            continue;
        demo->last_notification = n->id;
        if (strcmp(n->new_state, "ALARM") == 0)
            say(demo, n->received_ms, n->stream, "alarm", n->alarm_name);
    }
    notification_list_clear(&list);
}

/* Why the pass gives nothing back: told once a phase, as it is much the same every hour. */
static void watch_decisions(struct demo *demo)
{
    struct decision_list list = {0};
    struct error err = {0};

    if (store_decisions_recent(demo->store, NULL, RECENT, &list, &err) < 0)
        return;
    for (size_t i = list.count; i > 0; i--) {
        const struct decision *decision = &list.items[i - 1];
        struct seen_stream *stream = seen_stream(demo, decision->stream);

        if (decision->id <= demo->last_decision)
            continue;
        demo->last_decision = decision->id;
        if (stream == NULL || !phases[demo->phase - 1].holds || stream->hold_phase == demo->phase ||
            strcmp(decision->verdict, "hold") != 0)
            continue;
        stream->hold_phase = demo->phase;
        say(demo, decision->at_ms, decision->stream, "hold", decision->reason);
    }
    decision_list_clear(&list);
}

static void describe_end(const struct action *action, const int counts[], char *text, size_t size)
{
    static const char *const names[] = {
        [OPERATION_SPLIT] = "split", [OPERATION_MERGE] = "merge", [OPERATION_UPDATE] = "UpdateShardCount"};
    int length = snprintf(text, size, "%lld to %lld shard%s in %lld min", (long long)action->from_shards,
                          (long long)action->to_shards, text_plural(action->to_shards),
                          (long long)(action->ended_ms - action->started_ms + 30000) / 60000);
    const char *before = ": ";

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (counts[i] == 0)
            continue;
        length += snprintf(text + length, size - (size_t)length, "%s%d %s%s", before, counts[i], names[i],
                           i == OPERATION_UPDATE ? "" : text_plural(counts[i]));
        before = ", ";
    }
    if (action->failure[0] != '\0')
        (void)snprintf(text + length, size - (size_t)length, "; but: %s", action->failure);
}

/* Nothing but alarms, so far: a look at everything found them elsewhere than the shards, or what was learned, want them. */
static bool only_alarms(const struct action *action)
{
    return action->kind == ACTION_REPAIR && action->to_shards == action->from_shards;
}

static void say_end(const struct demo *demo, const struct action *action)
{
    struct step_list_stored steps = {0};
    struct error err = {0};
    char text[768];
    int counts[3] = {0};

    if (store_steps(demo->store, action->id, &steps, &err) < 0)
        return;
    for (size_t i = 0; i < steps.count; i++)
        counts[steps.items[i].operation.kind] += steps.items[i].outcome == STEP_ACCEPTED;
    step_list_stored_clear(&steps);
    if (only_alarms(action) && action->failure[0] == '\0') {
        say(demo, action->ended_ms, action->stream, "alarms",
            "did not stand where they should, and are moved");
        return;
    }
    describe_end(action, counts, text, sizeof(text));
    say(demo, action->ended_ms, action->stream, "done", text);
}

static void note_end(struct demo *demo, struct seen_stream *stream, const struct action *action)
{
    demo->actions += action->to_shards != action->from_shards;
    demo->gave_back |= action->to_shards < action->from_shards;
    if (action->to_shards > stream->most_shards)
        stream->most_shards = action->to_shards;
    say_end(demo, action);
}

static void watch_actions(struct demo *demo)
{
    struct action_list list = {0};
    struct error err = {0};

    if (store_actions_recent(demo->store, NULL, 50, &list, &err) < 0)
        return;
    for (size_t i = list.count; i > 0; i--) {
        const struct action *action = &list.items[i - 1];
        struct seen_stream *stream = seen_stream(demo, action->stream);

        if (stream != NULL && action->id > stream->last_begun && action->reason[0] != '\0' &&
            !only_alarms(action)) {
            stream->last_begun = action->id;
            say(demo, action->started_ms, action->stream, "decision", action->reason);
        }
        if (stream != NULL && action->id > stream->last_ended && action->ended_ms > 0) {
            stream->last_ended = action->id;
            note_end(demo, stream, action);
        }
    }
    action_list_clear(&list);
}

static struct seen_alarm *seen(struct demo *demo, const struct alarm *alarm)
{
    struct seen_alarm *found;

    for (size_t i = 0; i < demo->alarm_count; i++) {
        if (strcmp(demo->alarms[i].name, alarm->name) == 0)
            return &demo->alarms[i];
    }
    if (demo->alarm_count == DEMO_ALARMS_MAX)
        return NULL;
    found = &demo->alarms[demo->alarm_count++];
    (void)text_copy(found->name, sizeof(found->name), alarm->name);
    found->threshold = alarm->threshold;
    found->state = alarm->state;
    found->transitioned_ms = alarm->transitioned_ms;
    return found;
}

/* An alarm's threshold is a sum over its period; people think in seconds. */
static void say_threshold(struct demo *demo, const struct alarm *alarm)
{
    char text[ALARM_NAME_SIZE + 64];
    bool bytes = strcmp(alarm->metric, alarm_metric_name(METRIC_BYTES)) == 0;

    snprintf(text, sizeof(text), "%s now fires above %.*f %s", alarm->name, bytes ? 1 : 0,
             alarm->threshold / (double)alarm->period_s / (bytes ? 1048576 : 1),
             bytes ? "MiB/s" : "records/s");
    say(demo, clock_now_ms(&demo->clock.clock), alarm->stream, "threshold", text);
}

/* It may have been in ALARM and out of it again since the last look. */
static bool was_armed(const struct seen_alarm *before, const struct alarm *alarm)
{
    return alarm->state == ALARM_OK && before->state != ALARM_INSUFFICIENT_DATA &&
           alarm->transitioned_ms > before->transitioned_ms;
}

static void watch_alarms(struct demo *demo)
{
    struct alarm_list list = {0};
    struct error err = {0};

    if (cloudwatch_alarms_by_action(demo->account.aws, demo->config->service.topic_arns[0], &list, &err) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        const struct alarm *alarm = &list.items[i];
        struct seen_alarm *before = seen(demo, alarm);

        if (before == NULL)
            continue;
        if (before->threshold != alarm->threshold)
            say_threshold(demo, alarm);
        if (was_armed(before, alarm)) {
            char text[ALARM_NAME_SIZE + 64];

            snprintf(text, sizeof(text), "%s is OK and can fire again", alarm->name);
            say(demo, alarm->transitioned_ms, alarm->stream, "armed", text);
        }
        before->threshold = alarm->threshold;
        before->state = alarm->state;
        before->transitioned_ms = alarm->transitioned_ms;
    }
    alarm_list_clear(&list);
}

void demo_watch(struct demo *demo, int64_t until_ms, const volatile sig_atomic_t *interrupted)
{
    while (!*interrupted && clock_now_ms(&demo->clock.clock) < until_ms) {
        watch_time(demo);
        watch_notifications(demo);
        watch_decisions(demo);
        watch_actions(demo);
        watch_alarms(demo);
        clock_sleep_ms(clock_system(), WATCH_EVERY_REAL_MS);
    }
}
