/* The policies of others: which counts they go through when they are full, and when they are empty. */
#include "base/memory.h"
#include "base/text.h"
#include "scaling/limits.h"
#include "support.h"

#include "../../src/cli/peers.h"

enum { MINUTE_MS = 60000, RUNGS = 16 };

static const struct peer *find_peer(const char *key)
{
    for (size_t i = 0; i < peer_count; i++) {
        if (text_equal(peers[i].key, key))
            return &peers[i];
    }
    ck_abort_msg("there is no peer '%s'", key);
    return NULL;
}

/* A stream whose shards are always filled to `fill`, and which reshards at once. */
struct climb {
    const struct peer *peer;
    struct peer_state state;
    struct peer_history history;
    struct peer_view view;
    int64_t rungs[RUNGS], minutes[RUNGS];
    size_t count;
};

static void make_wishes(struct climb *climb, int64_t minute)
{
    for (;;) {
        struct peer_wish wish = climb->peer->decide(climb->peer, &climb->state, &climb->view);

        climb->view.new_minute = false;
        climb->view.outcome = PEER_NONE;
        if (wish.deed == PEER_NOTHING)
            return;
        climb->view.open = wish.deed == PEER_UPDATE ? wish.target : climb->view.open + 1;
        climb->view.outcome = PEER_ACCEPTED;
        ck_assert_uint_lt(climb->count, RUNGS);
        climb->rungs[climb->count] = climb->view.open;
        climb->minutes[climb->count++] = minute;
    }
}

static struct climb *climb_new(const char *key, int64_t shards)
{
    struct climb *climb = must_calloc(1, sizeof(*climb));

    climb->peer = find_peer(key);
    climb->view = (struct peer_view){.open = shards,
                                     .active = true,
                                     .min_shards = 1,
                                     .max_shards = 10000,
                                     .initial_shards = shards,
                                     .history = &climb->history};
    return climb;
}

/* Until there are so many rungs, or so many minutes have passed. */
static void climb_run(struct climb *climb, double fill, size_t rungs, int64_t minutes)
{
    for (int64_t minute = 0; minute < minutes && climb->count < rungs; minute++) {
        double full = 60 * SHARD_BYTES_PER_S * (double)climb->view.open;

        peer_history_add(&climb->history, fill * full, fill * full / 2048, 0);
        climb->view.now_ms = climb->history.count * MINUTE_MS + 77000;
        climb->view.new_minute = true;
        make_wishes(climb, climb->history.count);
    }
}

static const struct {
    const char *key;
    double fill;
    int64_t from, rungs[12];
} ladders[] = {
    {"kas", 1, 1, {2, 4, 8, 16, 32}},
    {"kas", 0.01, 64, {32, 16, 8, 4, 2, 1}},
    {"ada", 1, 10, {10}}, /* at its maximum it calls all the same */
    {"ada", 0.01, 30, {15, 8, 6}},
    {"eps", 1, 1, {2, 4, 6, 9, 14, 21, 32, 48, 72, 90, 113}},
    {"sub", 1, 1, {2, 4, 8, 14, 21, 31, 46, 57, 71, 88, 110}},
    {"sub", 0.01, 64, {52, 42, 34, 28, 19, 13, 9, 6, 4, 2, 1}},
    {"ksu", 1, 2, {3, 5, 8, 12, 18, 27}},
    {"ksu", 0.01, 16, {12, 9, 7, 6, 5, 4, 3}}, /* a quarter of three is nothing */
    {"splits_halving", 1, 4, {5, 6, 7, 8}},
};

START_TEST(a_ladder_has_the_rungs_of_its_project)
{
    struct climb *climb = climb_new(ladders[_i].key, ladders[_i].from);
    size_t count = 0;

    while (count < COUNT_OF(ladders[_i].rungs) && ladders[_i].rungs[count] != 0)
        count++;
    climb_run(climb, ladders[_i].fill, count, 30 * 1440);
    ck_assert_uint_eq(climb->count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(climb->rungs[i] == ladders[_i].rungs[i], "%s: rung %zu is %lld, not %lld",
                      ladders[_i].key, i, (long long)climb->rungs[i], (long long)ladders[_i].rungs[i]);
    free(climb);
}
END_TEST

static const struct {
    const char *key;
    int64_t first, least, most; /* minutes until the first rung, and between two */
} paces[] = {
    /* Windows of five minutes; one that was three quarters full before the last minutes of it counts. */
    {"kas", 25, 23, 25},         {"eps", 5, 2, 5}, {"sub", 5, 5, 5},
    {"ksu", 6, 15, 20}, /* a look every five minutes, a rest of fifteen */
    {"splits_halving", 1, 5, 6},
};

START_TEST(a_rung_takes_its_time)
{
    struct climb *climb = climb_new(paces[_i].key, 4);

    climb_run(climb, 1, 4, 1440);
    ck_assert_uint_eq(climb->count, 4);
    ck_assert_int_eq(climb->minutes[0], paces[_i].first);
    for (size_t i = 1; i < climb->count; i++) {
        int64_t took = climb->minutes[i] - climb->minutes[i - 1];

        ck_assert_msg(took >= paces[_i].least && took <= paces[_i].most, "%s: rung %zu took %lld minutes",
                      paces[_i].key, i, (long long)took);
    }
    free(climb);
}
END_TEST

START_TEST(a_day_must_pass_before_epsagon_gives_back)
{
    struct climb *climb = climb_new("eps", 40);

    climb_run(climb, 0.2, 1, 1439);
    ck_assert_uint_eq(climb->count, 0);
    climb_run(climb, 0.2, 1, 1);
    ck_assert_int_eq(climb->rungs[0], 20); /* at most half, and twice what the fullest five minutes took */
    free(climb);
}
END_TEST

START_TEST(a_refused_call_is_made_again_as_each_project_does)
{
    static const struct {
        const char *key;
        int calls; /* within the hour after the first */
    } rows[] = {{"kas", 60}, {"eps", 2}, {"sub", 2}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct climb *climb = climb_new(rows[i].key, 4);
        int calls = -1;

        for (int64_t minute = 0; minute < 1440 && (calls < 0 || minute < climb->minutes[0] + 60); minute++) {
            double full = 60 * SHARD_BYTES_PER_S * 4;
            struct peer_wish wish;

            peer_history_add(&climb->history, full, full / 2048, 0);
            climb->view.now_ms = climb->history.count * MINUTE_MS + 77000;
            climb->view.new_minute = true;
            wish = climb->peer->decide(climb->peer, &climb->state, &climb->view);
            climb->view.outcome = wish.deed == PEER_UPDATE ? PEER_REFUSED : PEER_NONE;
            if (wish.deed == PEER_UPDATE && calls++ < 0)
                climb->minutes[0] = minute + 1;
        }
        ck_assert_msg(calls == rows[i].calls, "%s: %d", rows[i].key, calls);
        free(climb);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("peers");
    TCase *tcase = tcase_create("decisions");

    tcase_add_loop_test(tcase, a_ladder_has_the_rungs_of_its_project, 0, COUNT_OF(ladders));
    tcase_add_loop_test(tcase, a_rung_takes_its_time, 0, COUNT_OF(paces));
    tcase_add_test(tcase, a_day_must_pass_before_epsagon_gives_back);
    tcase_add_test(tcase, a_refused_call_is_made_again_as_each_project_does);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
