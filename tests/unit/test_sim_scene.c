/*
 * What a simulated AWS does not start with: wrong scenes, addresses that others can reach.
 */
#include "base/memory.h"
#include "sim/sim.h"
#include "support.h"

#include <string.h>

static struct sim_server *server;
static struct sim_server_options options;
static struct error err;

static void prepare(void)
{
    options = (struct sim_server_options){.sim = {.metric_delay_ms = -1, .check_quotas = true},
                                          .listen = "127.0.0.1:0",
                                          .clock = clock_system()};
    server = NULL;
    err = (struct error){0};
}

static const char *scene_file(const char *text)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/scene", temporary_directory());
    write_text(path, text);
    return path;
}

static const struct {
    const char *text, *error; /* the error behind "FILE:" */
} bad_scenes[] = {
    {"steam a\n", "1: a line begins with stream, topic, subscribe, alarms, fail or traffic, not 'steam'"},
    {"\n\nstream\n", "3: too little: stream NAME [shards=N] [metrics=stream|shard] [consumer=no|yes]"},
    {"stream a b\n",
     "1: 'b' has no place here: stream NAME [shards=N] [metrics=stream|shard] [consumer=no|yes]"},
    {"stream a shard=1",
     "1: there is no 'shard=': stream NAME [shards=N] [metrics=stream|shard] [consumer=no|yes]"},
    {"stream a shards=1 shards=2", "1: shards is there twice"},
    {"stream a shards=0", "1: shards must be 1 to 10000, not '0'"},
    {"stream a metrics=all", "1: metrics must be stream or shard, not 'all'"},
    {"stream a consumer=maybe", "1: consumer must be no or yes, not 'maybe'"},
    {"stream a/b", "1: ValidationException: 1 validation error detected: Value 'a/b' at 'streamName' failed "
                   "to satisfy constraint: "
                   "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"},
    {"stream a\nstream a\n",
     "2: ResourceInUseException: Stream a under account 000000000000 already exists."},
    {"stream a shards=501", "1: LimitExceededException: This request would exceed the shard limit for the "
                            "account 000000000000 in us-east-1. "
                            "Current shard count for the account: 0. Limit: 500. Number of additional shards "
                            "that would have resulted from "
                            "this request: 501. Refer to the AWS Service Limits page "
                            "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for "
                            "current limits and how to request "
                            "higher limits."},
    {"topic a.b", "1: InvalidParameter: Invalid parameter: Topic Name"},
    {"subscribe a http://127.0.0.1:1/", "1: NotFound: Topic does not exist"},
    {"topic a\nsubscribe a ftp://x",
     "2: InvalidParameter: Invalid parameter: Endpoint must match the specified protocol"},
    {"alarms a topic=b", "1: there is no stream 'a' above this line"},
    {"stream a\nalarms a", "2: alarms need a topic="},
    {"stream a\nalarms a topic=b threshold=80", "2: threshold must be a percentage, not '80'"},
    {"stream a\nalarms a topic=b period=60", "2: period must be whole seconds, not '60'"},
    {"stream a\nalarms a topic=b period=1500ms", "2: period must be whole seconds, not '1500ms'"},
    {"fail a on=doomsday", "1: a resource fails on create, update or delete, not 'doomsday'"},
    {"fail a times=0", "1: times must be 1 to 1000000, not '0'"},
    {"stream a\ntraffic a", "2: traffic needs a load="},
    {"stream a\ntraffic a load=constant:1 record=x", "2: record must be a number of bytes, not 'x'"},
};

START_TEST(a_wrong_scene_is_refused_with_its_line)
{
    SCOPED(free_text) char *expected = NULL;

    options.scene = scene_file(bad_scenes[_i].text);
    expected = must_printf("%s:%s", options.scene, bad_scenes[_i].error);
    ck_assert_int_eq(sim_server_start(&options, &server, &err), -1);
    ck_assert_msg(strncmp(err.message, expected, sizeof(err.message) - 4) == 0, "%s", err.message);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

START_TEST(a_missing_scene_is_named)
{
    options.scene = "/nowhere/scene";
    ck_assert_int_eq(sim_server_start(&options, &server, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.message, "/nowhere/scene"));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

static const struct {
    const char *listen, *error;
} addresses[] = {
    {"0.0.0.0:0", "the simulated AWS listens on a loopback address only, not '0.0.0.0'"},
    {"192.168.1.1:4567", "the simulated AWS listens on a loopback address only, not '192.168.1.1'"},
    {"[::]:0", "the simulated AWS listens on a loopback address only, not '::'"},
    {"127.0.0.1", NULL},
};

START_TEST(only_this_machine_is_listened_to)
{
    options.listen = addresses[_i].listen;
    ck_assert_int_eq(sim_server_start(&options, &server, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    if (addresses[_i].error != NULL)
        ck_assert_str_eq(err.message, addresses[_i].error);
}
END_TEST

/* Every line of a good scene, cut anywhere, is refused or understood. */
START_TEST(no_cut_of_a_scene_brings_it_down)
{
    static const char scene[] = "stream a shards=4 metrics=shard consumer=no\ntopic t signature=2\n"
                                "alarms a topic=t threshold=80% period=60s\n"
                                "traffic a load=ramp:1M:2M:10m record=2048 keys=zipf:1.1:1000\n";
    int started = 0;

    for (size_t length = 0; length <= strlen(scene); length += 3) {
        SCOPED(free_text) char *text = must_strndup(scene, length);

        options.scene = scene_file(text);
        err = (struct error){0};
        if (sim_server_start(&options, &server, &err) == 0) {
            started++;
            sim_server_stop(server);
        } else {
            ck_assert_int_eq(err.kind, ERROR_CONFIG);
            ck_assert_ptr_nonnull(strstr(err.message, "/scene:"));
        }
    }
    ck_assert_int_gt(started, 5);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_scene");
    TCase *tcase = tcase_create("scene");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, prepare, NULL);
    tcase_add_loop_test(tcase, a_wrong_scene_is_refused_with_its_line, 0, COUNT_OF(bad_scenes));
    tcase_add_test(tcase, a_missing_scene_is_named);
    tcase_add_test(tcase, no_cut_of_a_scene_brings_it_down);
    tcase_add_loop_test(tcase, only_this_machine_is_listened_to, 0, COUNT_OF(addresses));
    return all;
}

int main(void)
{
    return run_suite(suite());
}
