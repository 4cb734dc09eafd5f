/*
 * Due times, locks, cooldowns and what was learned of a stream.
 */
#include "base/memory.h"
#include "store_support.h"
#include "support.h"

#include <sys/wait.h>

static struct error err;

static struct stream_state load(struct store *store, const char *stream)
{
    struct stream_state state;

    MUST(store_stream_load(store, stream, &state, &err));
    return state;
}

START_TEST(a_stream_never_heard_of_is_empty_and_not_due)
{
    struct store *store = open_store(":memory:");
    struct stream_state state = load(store, "orders");
    struct stream_state_list list = {0};
    int64_t next_ms;

    ck_assert_str_eq(state.stream, "orders");
    ck_assert(state.due_ms == INT64_MAX && state.due_reasons == 0 && state.revision == 0);
    ck_assert(state.lock_owner[0] == '\0' && state.cooldown_until_ms == 0 && state.last_scale_up_ms == 0);
    MUST(store_streams_all(store, &list, &err));
    ck_assert_uint_eq(list.count, 0); /* asking made no row */
    MUST(store_streams_due(store, INT64_MAX - 1, 10, &list, &next_ms, &err));
    ck_assert(list.count == 0 && next_ms == INT64_MAX);
    store_close(store);
}
END_TEST

START_TEST(an_earlier_due_time_stays_and_reasons_add_up)
{
    struct store *store = open_store(":memory:");
    struct stream_state state;

    MUST(store_stream_make_due(store, "orders", 500, DUE_ACTION, &err));
    MUST(store_stream_make_due(store, "orders", 700, DUE_REPAIR, &err));
    state = load(store, "orders");
    ck_assert(state.due_ms == 500 && state.due_reasons == (DUE_ACTION | DUE_REPAIR));
    MUST(store_stream_make_due(store, "orders", 300, DUE_NOTIFICATION, &err));
    state = load(store, "orders");
    ck_assert(state.due_ms == 300 && state.due_reasons == (DUE_ACTION | DUE_REPAIR | DUE_NOTIFICATION));
    store_close(store);
}
END_TEST

START_TEST(the_end_of_a_turn_sets_exactly_its_due_time)
{
    struct store *store = open_store(":memory:");
    struct stream_state state;

    MUST(store_stream_make_due(store, "orders", 100, DUE_NOTIFICATION, &err));
    state = load(store, "orders");
    MUST(store_stream_set_due(store, &state, 900, DUE_ACTION, &err)); /* later than it was */
    state = load(store, "orders");
    ck_assert(state.due_ms == 900 && state.due_reasons == DUE_ACTION);
    MUST(store_stream_set_due(store, &state, INT64_MAX, 0, &err));
    state = load(store, "orders");
    ck_assert(state.due_ms == INT64_MAX && state.due_reasons == 0);

    state = load(store, "new");
    MUST(store_stream_set_due(store, &state, 50, DUE_REPAIR, &err));
    state = load(store, "new");
    ck_assert(state.due_ms == 50 && state.due_reasons == DUE_REPAIR);
    store_close(store);
}
END_TEST

/* What happens between the look and the end of a turn, for each way to make a stream due. */
static void make_due(struct store *store)
{
    MUST(store_stream_make_due(store, "orders", 150, DUE_REPAIR, &err));
}
static void add_alarm(struct store *store)
{
    struct notification notification = alarm_of("orders", "late", 150);
    bool is_new;

    MUST(store_notification_add(store, &notification, &is_new, &err));
}
static void assign(struct store *store)
{
    struct notification notification = alarm_of("", "composite", 120);
    bool is_new;

    MUST(store_notification_add(store, &notification, &is_new, &err));
    MUST(store_notification_assign(store, 1, &(const char *){"orders"}, 1, 150, &err));
}
static void replay(struct store *store)
{
    struct notification notification = alarm_of("orders", "dead", 10);
    bool is_new;

    notification.status = NOTIFICATION_DEAD;
    MUST(store_notification_add(store, &notification, &is_new, &err));
    MUST(store_notification_replay(store, 1, 150, &err));
}
static void (*const meanwhile[])(struct store *) = {make_due, add_alarm, assign, replay};

START_TEST(what_makes_a_stream_due_during_its_turn_is_never_lost)
{
    struct store *store = open_store(":memory:");
    struct stream_state before, after;

    /* Due already, and earlier: the due time does not change by it, only the revision tells. */
    MUST(store_stream_make_due(store, "orders", 100, DUE_ACTION, &err));
    before = load(store, "orders");
    meanwhile[_i](store);
    ck_assert_int_eq(load(store, "orders").due_ms, 100);
    MUST(store_stream_set_due(store, &before, INT64_MAX, 0, &err));
    after = load(store, "orders");
    ck_assert_int_le(after.due_ms, 150);
    ck_assert_uint_ne(after.due_reasons & (DUE_NOTIFICATION | DUE_REPAIR), 0);
    /* The next turn sees it and may end it. */
    MUST(store_stream_set_due(store, &after, INT64_MAX, 0, &err));
    ck_assert_int_eq(load(store, "orders").due_ms, INT64_MAX);

    /* Not due before. */
    before = load(store, "orders");
    MUST(store_stream_make_due(store, "orders", 160, DUE_NOTIFICATION, &err));
    MUST(store_stream_set_due(store, &before, 140, DUE_ACTION, &err));
    after = load(store, "orders");
    ck_assert(after.due_ms == 140 && after.due_reasons == (DUE_ACTION | DUE_NOTIFICATION));
    store_close(store);
}
END_TEST

START_TEST(due_streams_come_longest_due_first_and_the_next_time_is_told)
{
    struct store *store = open_store(":memory:");
    struct stream_state_list list = {0};
    int64_t next_ms;

    MUST(store_stream_make_due(store, "c", 30, DUE_ACTION, &err));
    MUST(store_stream_make_due(store, "a", 10, DUE_ACTION, &err));
    MUST(store_stream_make_due(store, "b", 10, DUE_REPAIR, &err));
    MUST(store_stream_make_due(store, "later", 100, DUE_ACTION, &err));
    MUST(store_stream_seen(store, "never", 4, 4, 1, &err));

    MUST(store_streams_due(store, 30, 10, &list, &next_ms, &err));
    ck_assert(list.count == 3 && next_ms == 100);
    ck_assert_str_eq(list.items[0].stream, "a");
    ck_assert_str_eq(list.items[1].stream, "b");
    ck_assert_str_eq(list.items[2].stream, "c");
    ck_assert_uint_eq(list.items[1].due_reasons, DUE_REPAIR);
    stream_state_list_clear(&list);

    MUST(store_streams_due(store, 30, 2, &list, &next_ms, &err));
    ck_assert(list.count == 2 && next_ms == 30); /* one is left out: look again at once */
    stream_state_list_clear(&list);
    MUST(store_streams_due(store, 9, 10, &list, &next_ms, &err));
    ck_assert(list.count == 0 && next_ms == 10);
    MUST(store_streams_due(store, 1000, 0, &list, &next_ms, &err));
    ck_assert(list.count == 0 && next_ms == 10);
    MUST(store_streams_due(store, 1000, -5, &list, &next_ms, &err));
    ck_assert(list.count == 0 && next_ms == 10);
    MUST(store_streams_due(store, 1000, 10, &list, &next_ms, &err));
    ck_assert(list.count == 4 && next_ms == INT64_MAX);
    stream_state_list_clear(&list);
    MUST(store_streams_all(store, &list, &err));
    ck_assert_uint_eq(list.count, 5);
    ck_assert_str_eq(list.items[4].stream, "never");
    stream_state_list_clear(&list);
    store_close(store);
}
END_TEST

/* One lock, step by step; times are absolute. */
static const struct {
    const char *owner;
    int64_t now_ms;
    bool ignore_cooldown;
    bool taken;
    const char *owner_after;
    int64_t until_after;
} lock_steps[] = {
    {"a", 1000, false, true, "a", 2000},   {"b", 1500, false, false, "a", 2000},
    {"b", 1500, true, false, "a", 2000}, /* ignores the cooldown, not the lock */
    {"a", 1800, false, true, "a", 2800}, /* renewed */
    {"b", 2799, false, false, "a", 2800},  {"b", 2800, false, true, "b", 3800}, /* the lease is over */
    {"a", 2801, false, false, "b", 3800}, /* and the former owner has nothing left */
    {"aa", 2801, false, false, "b", 3800},
};

START_TEST(a_lock_is_a_lease_and_the_owners_own)
{
    struct store *store = open_store(":memory:");

    for (size_t i = 0; i < COUNT_OF(lock_steps); i++) {
        struct stream_state state;
        bool taken;

        MUST(store_lock_take(store, "orders", lock_steps[i].owner, lock_steps[i].now_ms, 1000,
                             lock_steps[i].ignore_cooldown, &taken, &state, &err));
        ck_assert_msg(taken == lock_steps[i].taken, "step %zu", i);
        ck_assert_str_eq(state.lock_owner, lock_steps[i].owner_after);
        ck_assert_int_eq(state.lock_until_ms, lock_steps[i].until_after);
        state = load(store, "orders");
        ck_assert_str_eq(state.lock_owner, lock_steps[i].owner_after);
        ck_assert_int_eq(state.lock_until_ms, lock_steps[i].until_after);
    }
    store_close(store);
}
END_TEST

START_TEST(only_the_owner_can_free_a_lock)
{
    struct store *store = open_store(":memory:");
    struct stream_state state;
    bool taken;

    MUST(store_lock_take(store, "orders", "a", 1000, 1000, false, &taken, &state, &err));
    MUST(store_lock_release(store, "orders", "b", 9000, &err));
    state = load(store, "orders");
    ck_assert_str_eq(state.lock_owner, "a");
    ck_assert_int_eq(state.cooldown_until_ms, 0);
    MUST(store_lock_release(store, "orders", "a", 0, &err));
    state = load(store, "orders");
    ck_assert(state.lock_owner[0] == '\0' && state.lock_until_ms == 0 && state.cooldown_until_ms == 0);
    MUST(store_lock_release(store, "orders", "a", 9000, &err)); /* no longer the owner */
    ck_assert_int_eq(load(store, "orders").cooldown_until_ms, 0);
    MUST(store_lock_release(store, "unknown", "a", 9000, &err));
    store_close(store);
}
END_TEST

START_TEST(a_cooldown_keeps_all_out_until_it_ends_but_those_who_ignore_it)
{
    struct store *store = open_store(":memory:");
    struct stream_state state;
    bool taken;

    MUST(store_lock_take(store, "orders", "a", 1000, 1000, false, &taken, &state, &err));
    MUST(store_lock_release(store, "orders", "a", 5000, &err));
    MUST(store_lock_take(store, "orders", "a", 4999, 1000, false, &taken, &state, &err));
    ck_assert(!taken && state.cooldown_until_ms == 5000 && state.lock_owner[0] == '\0');
    MUST(store_lock_take(store, "orders", "b", 4999, 1000, true, &taken, &state, &err));
    ck_assert(taken && state.cooldown_until_ms == 5000);
    MUST(store_lock_release(store, "orders", "b", 0, &err));
    ck_assert_int_eq(load(store, "orders").cooldown_until_ms, 5000); /* 0 does not end it */
    MUST(store_lock_take(store, "orders", "a", 5000, 1000, false, &taken, &state, &err));
    ck_assert(taken);
    store_close(store);
}
END_TEST

struct contender {
    const char *path;
    int number;
    int64_t now_ms;
};

/* 1 when it got the lock, 0 when not. */
static int contend(void *context)
{
    struct contender *contender = context;
    struct store *store = NULL;
    struct stream_state state;
    struct error error;
    char owner[16];
    bool taken;

    snprintf(owner, sizeof(owner), "child-%d", contender->number);
    if (store_open(contender->path, &store, &error) < 0 ||
        store_lock_take(store, "orders", owner, contender->now_ms, 1000, false, &taken, &state, &error) < 0)
        return 2;
    store_close(store);
    return taken;
}

START_TEST(of_many_processes_exactly_one_takes_the_lock)
{
    enum { CHILDREN = 8 };
    const char *path = database_path();

    store_close(open_store(path));
    for (int round = 0; round < 3; round++) { /* each after the lease of the one before */
        pid_t children[CHILDREN];
        int winners = 0;

        for (int i = 0; i < CHILDREN; i++) {
            children[i] = fork();
            if (children[i] == 0)
                _exit(contend(&(struct contender){path, i, 1000 + round * 1000}));
        }
        for (int i = 0; i < CHILDREN; i++) {
            int status;

            ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
            ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
            winners += WEXITSTATUS(status);
        }
        ck_assert_int_eq(winners, 1);
    }
}
END_TEST

START_TEST(outcomes_are_counted_until_a_turn_succeeds)
{
    struct store *store = open_store(":memory:");
    struct stream_state state;

    MUST(store_stream_outcome(store, "orders", 10, NULL, &err)); /* nothing to forget */
    MUST(store_stream_outcome(store, "orders", 20, "timed out", &err));
    MUST(store_stream_outcome(store, "orders", 30, "access denied", &err));
    state = load(store, "orders");
    ck_assert(state.failures == 2 && state.last_error_ms == 30);
    ck_assert_str_eq(state.last_error, "access denied");
    MUST(store_stream_outcome(store, "orders", 40, NULL, &err));
    state = load(store, "orders");
    ck_assert(state.failures == 0 && state.last_error[0] == '\0');
    store_close(store);
}
END_TEST

START_TEST(what_was_seen_and_split_for_skew_is_remembered)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct stream_state state;

    MUST(store_stream_skew(store, "orders", 70, &err));
    MUST(store_stream_seen(store, "orders", 5, 3.5, 80, &err));
    MUST(store_stream_seen(store, "orders", 6, 4.25, 90, &err));
    store_close(store);
    store = open_store(path);
    state = load(store, "orders");
    ck_assert(state.open_shards == 6 && state.effective_shards == 4.25 && state.seen_ms == 90);
    ck_assert_int_eq(state.skew_split_ms, 70);
    ck_assert_int_eq(state.due_ms, INT64_MAX);
    store_close(store);
}
END_TEST

START_TEST(learned_alarms_are_kept_once_and_can_be_forgotten)
{
    struct store *store = open_store(":memory:");
    char **names = NULL;
    size_t count = 1;

    MUST(store_alarms_learned(store, "orders", &names, &count, &err));
    ck_assert(count == 0);
    store_names_free(names, count);
    MUST(store_alarm_learn(store, "orders", "b", 1, &err));
    MUST(store_alarm_learn(store, "orders", "a", 2, &err));
    MUST(store_alarm_learn(store, "orders", "b", 3, &err));
    MUST(store_alarm_learn(store, "other", "c", 3, &err));
    MUST(store_alarms_learned(store, "orders", &names, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(names[0], "a");
    ck_assert_str_eq(names[1], "b");
    store_names_free(names, count);
    MUST(store_alarm_forget(store, "orders", "a", &err));
    MUST(store_alarm_forget(store, "orders", "unknown", &err));
    MUST(store_alarms_learned(store, "orders", &names, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(names[0], "b");
    store_names_free(names, count);
    store_close(store);
}
END_TEST

START_TEST(what_was_found_is_kept_until_something_else_is_found)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct names names = {0};

    MUST(store_found_load(store, &names, &err));
    ck_assert_uint_eq(names.count, 0);
    names_add(&names, "b");
    names_add(&names, "a");
    MUST(store_found_set(store, &names, &err));
    names_clear(&names);
    store_close(store);

    store = open_store(path);
    MUST(store_found_load(store, &names, &err));
    ck_assert_uint_eq(names.count, 2);
    ck_assert_str_eq(names.items[0], "a");
    names_clear(&names);
    names_add(&names, "c");
    MUST(store_found_set(store, &names, &err));
    names_clear(&names);
    MUST(store_found_load(store, &names, &err));
    ck_assert_uint_eq(names.count, 1);
    ck_assert_str_eq(names.items[0], "c");
    names_clear(&names);
    store_close(store);
}
END_TEST

START_TEST(what_a_clock_that_was_ahead_left_behind_is_caught_up_with)
{
    static const struct stream_latest latest = {
        .cooldown_ms = 300, .lock_ms = 120, .due_ms = 400, .reshard_ms = 1};
    struct store *store = open_store(":memory:");
    struct stream_state state;
    bool changed, taken;

    MUST(store_stream_catch_up(store, "orders", &latest, &changed, &err));
    ck_assert(!changed);
    MUST(store_lock_take(store, "orders", "me", 0, 100, false, &taken, &state, &err));
    MUST(store_stream_make_due(store, "orders", 400, DUE_ACTION, &err));
    MUST(store_stream_catch_up(store, "orders", &latest, &changed, &err)); /* all as it may be */
    ck_assert(!changed);

    MUST(store_lock_release(store, "orders", "me", 3600, &err));
    MUST(store_lock_take(store, "orders", "me", 3600, 100, false, &taken, &state, &err));
    MUST(store_stream_set_due(store, &state, 3700, DUE_ACTION, &err));
    MUST(store_stream_catch_up(store, "orders", &latest, &changed, &err));
    ck_assert(changed);
    state = load(store, "orders");
    ck_assert(state.cooldown_until_ms == 300 && state.lock_until_ms == 120 && state.due_ms == 400);
    ck_assert_str_eq(state.lock_owner, "me");

    MUST(store_stream_pause(store, "orders", 9000, 400, &err)); /* an operator said so, no clock */
    state = load(store, "orders");
    MUST(store_stream_set_due(store, &state, 9000, DUE_NOTIFICATION, &err));
    MUST(store_stream_catch_up(store, "orders", &latest, &changed, &err));
    ck_assert(!changed && load(store, "orders").due_ms == 9000);
    store_close(store);
}
END_TEST

START_TEST(a_stream_without_a_name_or_too_long_a_one_is_our_own_fault)
{
    struct store *store = open_store(":memory:");
    char name[STREAM_NAME_SIZE + 1] = {0};

    memset(name, 'x', STREAM_NAME_MAX + 1);
    MUST_FAIL(store_stream_make_due(store, "", 1, DUE_ACTION, &err), ERROR_BUG, "CHECK");
    MUST_FAIL(store_stream_make_due(store, name, 1, DUE_ACTION, &err), ERROR_BUG, "CHECK");
    name[STREAM_NAME_MAX] = '\0';
    MUST(store_stream_make_due(store, name, 1, DUE_ACTION, &err));
    ck_assert_str_eq(load(store, name).stream, name);
    store_close(store);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store streams");
    TCase *due = tcase_create("due"), *lock = tcase_create("lock"), *rest = tcase_create("rest");

    tcase_set_timeout(lock, 30);
    tcase_add_test(due, a_stream_never_heard_of_is_empty_and_not_due);
    tcase_add_test(due, an_earlier_due_time_stays_and_reasons_add_up);
    tcase_add_test(due, the_end_of_a_turn_sets_exactly_its_due_time);
    tcase_add_loop_test(due, what_makes_a_stream_due_during_its_turn_is_never_lost, 0, COUNT_OF(meanwhile));
    tcase_add_test(due, due_streams_come_longest_due_first_and_the_next_time_is_told);
    tcase_add_test(lock, a_lock_is_a_lease_and_the_owners_own);
    tcase_add_test(lock, only_the_owner_can_free_a_lock);
    tcase_add_test(lock, a_cooldown_keeps_all_out_until_it_ends_but_those_who_ignore_it);
    tcase_add_test(lock, of_many_processes_exactly_one_takes_the_lock);
    tcase_add_test(rest, outcomes_are_counted_until_a_turn_succeeds);
    tcase_add_test(rest, what_was_seen_and_split_for_skew_is_remembered);
    tcase_add_test(rest, learned_alarms_are_kept_once_and_can_be_forgotten);
    tcase_add_test(rest, what_was_found_is_kept_until_something_else_is_found);
    tcase_add_test(rest, what_a_clock_that_was_ahead_left_behind_is_caught_up_with);
    tcase_add_test(rest, a_stream_without_a_name_or_too_long_a_one_is_our_own_fault);
    suite_add_tcase(made, due);
    suite_add_tcase(made, lock);
    suite_add_tcase(made, rest);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
