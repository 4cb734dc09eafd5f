/*
 * Every fault once: whole scale-ups and scale-downs, in which one thing goes wrong - at every place.
 *
 * Requests to AWS meet each kind of trouble (tests/support/trouble.c), alone and in pairs; the database's files meet a
 * full disk, a failing one, another writer, and the end of the program.  Afterwards all is as if nothing had been: the
 * shards, each split or merged once, thresholds and alarms that fit, no notification lost.
 */
#include "bad_disk.h"
#include "support.h"
#include "world.h"

#include "base/memory.h"
#include "store/notifications.h"

/* At how many places in between is looked at by default; KINESCALE_SWEEP=1 looks at each. */
enum { STRIDE = 7, DISK_STRIDE = 17, PAIRS = 150, PLACES_MAX = 5000 };

struct story {
    const char *name;
    struct world *(*begin)(void); /* up to where things may go wrong */
    void (*go_on)(struct world *world, int64_t ms);
    int64_t lasts_ms;
    int64_t shards; /* in the end */
    int64_t splits, merges;
    int64_t updates;    /* calls of UpdateShardCount, which splits and merges by itself */
    int64_t generation; /* in the end, where no metrics could be had: an update then doubles */
    bool may_split;     /* where UpdateShardCount is refused for good */
    bool is_like;       /* another in most of what it does */
    bool may_rest;      /* where a merge is refused for good, what is left of them may not pay by itself */
};

/* ---- what happens */

static struct world *busy(const char *resharding, int shards, const char *load)
{
    SCOPED(free_text)
    char *text = must_printf("[stream orders]\nmax_shards = 64\nresharding = %s\n", resharding);
    struct world *world = world_new_classic(text, NULL);

    world_scene(world, "orders", shards);
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", load, 4096, "uniform");
    return world;
}

static struct world *busy_stream(void)
{
    return busy("split", 4, "constant:3.6M");
}

static struct world *busy_stream_by_update(void)
{
    return busy("update-shard-count", 4, "constant:3.6M");
}

static struct world *busy_stream_either_way(void)
{
    return busy("auto", 8, "constant:7.2M");
}

static struct world *quiet(const char *resharding)
{
    SCOPED(free_text)
    char *text = must_printf("[stream orders]\nmin_shards = 2\nmax_shards = 64\nscale_down_window = 1h\n"
                             "resharding = %s\n",
                             resharding);
    struct world *world = world_new_classic(text, NULL);

    world_scene(world, "orders", 8);
    world_traffic(world, "orders", "constant:1.6M", 4096, "uniform");
    world_run(world, 90 * MINUTE_MS);
    world->reconcile_at_ms = world->clock.ms;
    return world;
}

static struct world *quiet_stream(void)
{
    return quiet("split");
}

static struct world *quiet_stream_by_update(void)
{
    return quiet("update-shard-count");
}

/* An hour in which two of the eight shards would have been enough. */
static struct world *adaptive_stream(void)
{
    struct world *world = world_new("[stream orders]\nmin_shards = 4\nmax_shards = 64\nresharding = split\n"
                                    "cooldown = 60s\n",
                                    NULL);

    world_scene(world, "orders", 8);
    world_traffic(world, "orders", "constant:1.6M", 4096, "uniform");
    world_run(world, 63 * MINUTE_MS);
    world->reconcile_at_ms = world->clock.ms;
    return world;
}

/* One of four shards has two fifths of the load: 0.96 of 2.4 MiB/s. */
static struct world *uneven_stream(void)
{
    struct world *world =
        world_new("[stream orders]\nmax_shards = 64\npolicy = adaptive\nalarm_level = shard\n", NULL);

    world_scene(world, "orders", 4);
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", "constant:1.6M", 4096, "slice:0.2:3:4");
    world_run(world, 20 * MINUTE_MS);
    world_traffic(world, "orders", "constant:2.4M", 4096, "slice:0.2:3:4");
    return world;
}

/* Cron comes every ten minutes. */
static void run_with_passes(struct world *world, int64_t ms)
{
    struct pass_options options = {0};

    for (int64_t end_ms = world->clock.ms + ms; world->clock.ms < end_ms;) {
        struct pass_row row = {.stream = "orders"};
        struct error err = {0};

        if (!world->killed)
            (void)engine_scale_down(world->engine, world->store, &options, &row, 1, &err);
        down_plan_clear(&row.plan);
        world_run(world, ms < 10 * MINUTE_MS ? ms : 10 * MINUTE_MS);
    }
}

static const struct story stories[] = {
    {"scale-up", busy_stream, world_run, 40 * MINUTE_MS, 8, .splits = 4},
    {"scale-down", quiet_stream, run_with_passes, 80 * MINUTE_MS, 4, .merges = 4},
    {"scale-up by update", busy_stream_by_update, world_run, 40 * MINUTE_MS, 6, .updates = 1,
     .generation = 8},
    {"scale-down by update", quiet_stream_by_update, run_with_passes, 80 * MINUTE_MS, 4, .updates = 1},
    {"scale-up either way", busy_stream_either_way, world_run, 40 * MINUTE_MS, 12, .updates = 1,
     .generation = 16, .may_split = true},
    {"give-back by the adaptive policy", adaptive_stream, world_run, 30 * MINUTE_MS, 4, .merges = 4,
     .may_rest = true},
    {"scale-up of one shard by the adaptive policy", uneven_stream, world_run, 40 * MINUTE_MS, 5, .splits = 1,
     .is_like = true},
};

/* ---- what must be true */

static size_t open_notifications(struct world *world)
{
    struct notification_list list = {0};
    struct error err = {0};
    size_t count;

    ck_assert_int_eq(store_notifications_open(world->store, "orders", &list, &err), 0);
    count = list.count;
    notification_list_clear(&list);
    return count;
}

/* Was it refused for good? */
static bool was_refused(const struct world *world)
{
    for (int i = 0; i < world->trouble_count; i++) {
        if (world->troubles[i].kind->for_good)
            return true;
    }
    return false;
}

/*
 * What the story comes to: as it is written; without metrics, to a whole generation; where AWS refused something for
 * good, by splits instead, or in a scale-down not at all before the next is due a day and a half later.
 */
static struct story ending(const struct world *world, const struct story *story,
                           const struct sim_totals *totals, int64_t open)
{
    struct story end = *story;
    int64_t undone = open - story->shards;

    if (open == story->generation)
        end.shards = open;
    if (!was_refused(world) || undone <= 0)
        return end;
    if (story->may_split && totals->updates == 0) {
        end.splits = story->generation / 2;
        end.updates = 0;
    } else if (story->go_on == run_with_passes || story->may_rest) {
        end.shards = open;
        end.merges -= story->merges > 0 ? undone : 0;
        end.updates = 0;
    }
    return end;
}

static void check(struct world *world, const struct story *story, const char *what)
{
    struct sim_totals totals;
    struct error err = {0};
    struct shard_map map = {0};
    struct story end;
    int64_t open;
    double fitting;

    bad_disk.fault = DISK_GOOD;
    bad_disk.busy_left_ms = 0;
    /* What asks from here on is the test. */
    for (int i = 0; i < world->trouble_count; i++)
        world->troubles[i].struck = world->troubles[i].kind->times;
    ck_assert_int_eq(sim_stream_totals(world->sim, "orders", &totals, &err), 0);
    open = world_open_shards(world, "orders");
    end = ending(world, story, &totals, open);
    ck_assert_msg(open == end.shards && totals.updates == end.updates &&
                      (end.updates > 0 || (totals.splits == end.splits && totals.merges == end.merges)),
                  "%s, %s: %lld shards, %lld splits, %lld merges, %lld updates", story->name, what,
                  (long long)open, (long long)totals.splits, (long long)totals.merges,
                  (long long)totals.updates);
    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    fitting = 0.8 * 60 * 1048576 * shard_map_effective(&map);
    shard_map_clear(&map);
    ck_assert_msg(world_threshold(world, "orders IncomingBytes") == fitting,
                  "%s, %s: a threshold of %.0f, not %.0f", story->name, what,
                  world_threshold(world, "orders IncomingBytes"), fitting);
    ck_assert_msg(strcmp(world_alarm_state(world, "orders IncomingBytes"), "ALARM") != 0, "%s, %s: silent",
                  story->name, what);
    ck_assert_msg(open_notifications(world) == 0, "%s, %s: a notification waits", story->name, what);
}

/* How far it is from one place to the next; a story of one call, or one like another, has less that can go wrong. */
static int stride(const struct story *story, int usual)
{
    if (getenv("KINESCALE_SWEEP") != NULL)
        return 1;
    return story->updates > 0 || story->is_like ? 5 * usual : usual;
}

/* ---- requests */

START_TEST(trouble_with_any_request_costs_only_time)
{
    const struct story *story = &stories[_i / trouble_kind_count];
    const struct trouble_kind *kind = &trouble_kinds[_i % trouble_kind_count];
    bool struck = true;
    int runs = 0;

    for (int at = 0; struck && at < PLACES_MAX; at += stride(story, STRIDE), runs++) {
        struct world *world = story->begin();
        char what[128];

        world->troubles[0] = (struct trouble){.kind = kind, .at = at};
        world->trouble_count = 1;
        world->requests = 0;
        story->go_on(world, story->lasts_ms);
        struck = world->troubles[0].struck > 0;
        snprintf(what, sizeof(what), "%s at request %d", kind->name, at);
        check(world, story, what);
        world_free(world);
    }
    ck_assert_int_gt(runs, 1);
    printf("figure: calls failed: %s, %s: %d\n", story->name, kind->name, runs);
}
END_TEST

/* Any generator will do, as long as it says the same every time. */
static unsigned dice(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

START_TEST(two_troubles_in_one_run_cost_only_time)
{
    const struct story *story = &stories[_i];
    unsigned state = 20261121u + (unsigned)_i;

    for (int pair = 0; pair < PAIRS; pair += stride(story, STRIDE)) {
        struct world *world = story->begin();
        char what[192];

        for (int i = 0; i < 2; i++)
            world->troubles[i] =
                (struct trouble){.kind = &trouble_kinds[dice(&state) % (unsigned)trouble_kind_count],
                                 .at = (int)(dice(&state) % 90)};
        world->trouble_count = 2;
        world->requests = 0;
        story->go_on(world, story->lasts_ms + 20 * MINUTE_MS);
        snprintf(what, sizeof(what), "%s at %d and %s at %d", world->troubles[0].kind->name,
                 world->troubles[0].at, world->troubles[1].kind->name, world->troubles[1].at);
        check(world, story, what);
        world_free(world);
    }
    printf("figure: pairs: %s: %d\n", story->name, PAIRS / stride(story, STRIDE));
}
END_TEST

/* ---- the disk */

static const struct {
    enum disk_fault fault;
    const char *name;
} disk_faults[] = {
    {DISK_FULL, "a full disk"},
    {DISK_IO, "an I/O error"},
    {DISK_BUSY, "a busy database"},
    {DISK_KILL, "the end of the program"},
};

static void die(void *context)
{
    struct world *world = context;

    if (!world->killed)
        world_kill(world);
}

/* Who died is started again, a little later. */
static void run_and_restart(struct world *world, const struct story *story)
{
    for (int64_t end_ms = world->clock.ms + story->lasts_ms; world->clock.ms < end_ms;) {
        story->go_on(world,
                     world->killed || bad_disk.fault != DISK_KILL || bad_disk.struck ? MINUTE_MS : 5000);
        if (world->killed)
            world_restart(world);
    }
}

START_TEST(trouble_with_any_operation_on_the_database_costs_only_time)
{
    const struct story *story = &stories[(size_t)_i / COUNT_OF(disk_faults)];
    size_t kind = (size_t)_i % COUNT_OF(disk_faults);
    int runs = 0;

    bad_disk_install();
    bad_disk.struck = true;
    for (int at = 1; bad_disk.struck && at < PLACES_MAX; at += stride(story, DISK_STRIDE), runs++) {
        struct world *world = story->begin();
        char what[128];

        bad_disk =
            (struct bad_disk){.fault = disk_faults[kind].fault, .at = at, .kill = die, .context = world};
        run_and_restart(world, story);
        snprintf(what, sizeof(what), "%s at operation %d", disk_faults[kind].name, at);
        check(world, story, what);
        world_free(world);
    }
    ck_assert_int_gt(runs, 1);
    printf("figure: %s: %s: %d\n", disk_faults[kind].name, story->name, runs);
}
END_TEST

/* ---- one alarm over several streams */

/* Operations in which a composite is given to its streams, and a few more. */
enum { ASSIGNING = 30 };

/* Long names, of which more than 80 characters are alike. */
#define ALIKE "a-name-of-which-eighty-characters-are-those-of-the-others-too-and-then-it-is-different-"
static const char *const siblings[] = {ALIKE "payments", ALIKE "refunds", ALIKE "returns"};

static void take_composite(struct world *world)
{
#define CHILD(number) "{\"Arn\":\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:child " number "\"}"
    static const char body[] =
        "{\"AlarmName\":\"parent\",\"NewStateValue\":\"ALARM\",\"OldStateValue\":\"OK\","
        "\"StateChangeTime\":\"2026-03-02T00:04:00.000+0000\",\"AlarmRule\":\"ALARM(\\\"child 0\\\")\","
        "\"TriggeringChildren\":[" CHILD("0") "," CHILD("1") "," CHILD("2") "]}";
    struct notification n = {0};
    enum taken taken;
    struct error err = {0};

    ck_assert_msg(engine_take(world->engine, world->store, "9f6d1f0a-6d0c-5a52-8f5b-000000000001",
                              WORLD_TOPIC, body, &n, &taken, &err) == 0,
                  "%s", err.message);
    ck_assert_msg(taken == TAKEN_PENDING, "%s", n.reason);
}

/* Just after its notification was stored; the children tell nobody. */
static struct world *one_composite_over_all(void)
{
    SCOPED(free_text)
    char *text = must_printf("[defaults]\npolicy = classic\n[stream %s]\n[stream %s]\n[stream %s]\n",
                             siblings[0], siblings[1], siblings[2]);
    struct world *world = world_new(text, NULL);

    for (size_t i = 0; i < COUNT_OF(siblings); i++) {
        cJSON_Delete(
            world_kinesis(world, "CreateStream", "{\"StreamName\":\"%s\",\"ShardCount\":4}", siblings[i]));
        cJSON_Delete(world_cloudwatch(
            world, "PutMetricAlarm",
            "{\"AlarmName\":\"child %zu\",\"Namespace\":\"AWS/Kinesis\",\"MetricName\":\"IncomingBytes\","
            "\"Dimensions\":[{\"Name\":\"StreamName\",\"Value\":\"%s\"}],\"Statistic\":\"Sum\",\"Period\":60,"
            "\"EvaluationPeriods\":1,\"Threshold\":100000000,\"ComparisonOperator\":"
            "\"GreaterThanThreshold\"}",
            i, siblings[i]));
    }
    world_run(world, MINUTE_MS);
    for (size_t i = 0; i < COUNT_OF(siblings); i++)
        world_traffic(world, siblings[i], "constant:3.6M", 4096, "uniform");
    world_run(world, 4 * MINUTE_MS);
    take_composite(world);
    return world;
}

static size_t notifications_of(struct world *world, const char *stream)
{
    struct notification_list list = {0};
    struct error err = {0};
    size_t count;

    ck_assert_int_eq(store_notifications_recent(world->store, stream, -1, 100, &list, &err), 0);
    count = list.count;
    notification_list_clear(&list);
    return count;
}

START_TEST(a_composite_alarm_reaches_all_its_streams_whatever_happens_to_the_database)
{
    bad_disk_install();
    for (int at = 1; at <= ASSIGNING; at++) {
        struct world *world = one_composite_over_all();

        bad_disk = (struct bad_disk){.fault = disk_faults[_i].fault, .at = at, .kill = die, .context = world};
        world_run(world, 1000);
        ck_assert(bad_disk.struck);
        bad_disk.fault = DISK_GOOD;
        bad_disk.busy_left_ms = 0;
        if (world->killed)
            world_restart(world);
        world_run(world, 20 * 1000); /* the next attempt is after 15 s */
        for (size_t i = 0; i < COUNT_OF(siblings); i++)
            ck_assert_msg(notifications_of(world, siblings[i]) == 1, "%s at operation %d: '%s' has %zu",
                          disk_faults[_i].name, at, siblings[i], notifications_of(world, siblings[i]));
        ck_assert_uint_eq(notifications_of(world, ""), 0);
        world_free(world);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("every fault");
    TCase *requests = tcase_create("requests"), *disk = tcase_create("disk"),
          *composite = tcase_create("composite");
    int all = (int)COUNT_OF(stories);

    tcase_set_timeout(requests, 600);
    tcase_set_timeout(disk, 600);
    tcase_add_loop_test(requests, trouble_with_any_request_costs_only_time, 0, all * trouble_kind_count);
    tcase_add_loop_test(requests, two_troubles_in_one_run_cost_only_time, 0, all);
    tcase_add_loop_test(disk, trouble_with_any_operation_on_the_database_costs_only_time, 0,
                        all * (int)COUNT_OF(disk_faults));
    tcase_add_loop_test(composite, a_composite_alarm_reaches_all_its_streams_whatever_happens_to_the_database,
                        0, (int)COUNT_OF(disk_faults));
    suite_add_tcase(suite, requests);
    suite_add_tcase(suite, disk);
    suite_add_tcase(suite, composite);
    tcase_set_timeout(composite, 120);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
