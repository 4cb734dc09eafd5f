/*
 * Every alarm that reached us, once, and what became of it.
 */
#include "base/memory.h"
#include "store_support.h"
#include "support.h"

static struct error err;

static bool add(struct store *store, struct notification notification)
{
    bool is_new = false;

    MUST(store_notification_add(store, &notification, &is_new, &err));
    return is_new;
}

static struct notification load(struct store *store, int64_t id)
{
    struct notification notification;

    MUST(store_notification_load(store, id, &notification, &err));
    free(notification.body);
    notification.body = NULL;
    return notification;
}

static struct notification_list open_ones(struct store *store, const char *stream)
{
    struct notification_list list = {0};

    MUST(store_notifications_open(store, stream, &list, &err));
    return list;
}

START_TEST(all_of_a_notification_comes_back_after_a_restart)
{
    const char *path = database_path();
    struct store *store = open_store(path);
    struct notification given = alarm_of("orders", "message-1", 5000), found;
    struct stream_state state;

    snprintf(given.shard, sizeof(given.shard), "shardId-000000000001");
    given.body = (char *)"{\"AlarmName\":\"orders-bytes\"}";
    ck_assert(add(store, given));
    store_close(store);

    store = open_store(path);
    MUST(store_notification_load(store, 1, &found, &err));
    ck_assert_str_eq(found.message_id, given.message_id);
    ck_assert_str_eq(found.topic_arn, given.topic_arn);
    ck_assert_str_eq(found.alarm_name, given.alarm_name);
    ck_assert_str_eq(found.stream, given.stream);
    ck_assert_str_eq(found.shard, given.shard);
    ck_assert_str_eq(found.metric, given.metric);
    ck_assert_str_eq(found.new_state, given.new_state);
    ck_assert_str_eq(found.body, given.body);
    ck_assert(found.changed_ms == 4000 && found.received_ms == 5000);
    ck_assert(found.status == NOTIFICATION_PENDING && found.attempts == 0 && found.action_id == 0);
    ck_assert_str_eq(found.reason, "");
    notification_clear(&found);
    ck_assert_ptr_null(found.body);
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert(state.due_ms == 5000 && state.due_reasons == DUE_NOTIFICATION);
    MUST_FAIL(store_notification_load(store, 2, &found, &err), ERROR_NOT_FOUND, "no notification 2");
    store_close(store);
}
END_TEST

START_TEST(a_known_message_changes_nothing)
{
    struct store *store = open_store(":memory:");
    struct notification again = alarm_of("other", "message-1", 100);
    struct stream_state before, after;
    struct notification_list list;

    ck_assert(add(store, alarm_of("orders", "message-1", 5000)));
    MUST(store_stream_load(store, "orders", &before, &err));
    ck_assert(!add(store, alarm_of("orders", "message-1", 100)));
    ck_assert(!add(store, again));
    MUST(store_stream_load(store, "orders", &after, &err));
    ck_assert_mem_eq(&before, &after, sizeof(before));
    MUST(store_stream_load(store, "other", &after, &err));
    ck_assert_int_eq(after.due_ms, INT64_MAX);
    MUST(store_notification_set(store, 1, NOTIFICATION_DROPPED, "quiet again", 0, &err));
    ck_assert(!add(store, alarm_of("orders", "message-1", 100))); /* also when it has ended */
    list = open_ones(store, "orders");
    ck_assert_uint_eq(list.count, 0);
    notification_list_clear(&list);
    store_close(store);
}
END_TEST

static const struct {
    const char *stream;
    enum notification_status status;
    bool due;
} arrivals[] = {
    {"orders", NOTIFICATION_PENDING, true},  {"orders", NOTIFICATION_DEFERRED, true},
    {"orders", NOTIFICATION_DROPPED, false}, /* nothing to do for us */
    {"", NOTIFICATION_PENDING, true},        /* whose it is, a turn of its own must find out */
    {"", NOTIFICATION_DROPPED, false},
};

START_TEST(only_what_needs_an_answer_makes_its_stream_due)
{
    struct store *store = open_store(":memory:");
    struct notification notification = alarm_of(arrivals[_i].stream, "m", 100);
    struct stream_state_list list = {0};

    notification.status = arrivals[_i].status;
    snprintf(notification.reason, sizeof(notification.reason), "why");
    ck_assert(add(store, notification));
    ck_assert_str_eq(load(store, 1).reason, "why");
    MUST(store_streams_all(store, &list, &err));
    ck_assert_uint_eq(list.count, arrivals[_i].due);
    stream_state_list_clear(&list);
    store_close(store);
}
END_TEST

START_TEST(open_ones_come_oldest_first_and_end_only_once)
{
    struct store *store = open_store(":memory:");
    struct notification_list list;

    ck_assert(add(store, alarm_of("orders", "m1", 300)));
    ck_assert(add(store, alarm_of("orders", "m2", 100)));
    ck_assert(add(store, alarm_of("orders", "m3", 200)));
    ck_assert(add(store, alarm_of("other", "m4", 50)));
    MUST(store_notification_set(store, 1, NOTIFICATION_DEFERRED, "cooldown until 08:15:00Z", 0, &err));
    list = open_ones(store, "orders");
    ck_assert(list.count == 3 && list.items[0].id == 2 && list.items[1].id == 3 && list.items[2].id == 1);
    ck_assert_str_eq(list.items[2].reason, "cooldown until 08:15:00Z");
    ck_assert(list.items[2].status == NOTIFICATION_DEFERRED && list.items[2].body == NULL);
    notification_list_clear(&list);

    MUST(store_notification_set(store, 1, NOTIFICATION_DROPPED, "the alarm is OK again", 0, &err));
    MUST(store_notification_set(store, 1, NOTIFICATION_DEFERRED, "too late", 0, &err));
    ck_assert_int_eq(load(store, 1).status, NOTIFICATION_DROPPED);
    ck_assert_str_eq(load(store, 1).reason, "the alarm is OK again");
    MUST(store_notification_set(store, 99, NOTIFICATION_DROPPED, "nobody", 0, &err));
    list = open_ones(store, "orders");
    ck_assert_uint_eq(list.count, 2);
    notification_list_clear(&list);
    store_close(store);
}
END_TEST

START_TEST(no_more_than_a_thousand_open_ones_are_listed)
{
    struct store *store = open_store(":memory:");
    struct notification_list list;

    for (int i = 0; i < 1001; i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%d", i);
        ck_assert(add(store, alarm_of("orders", id, 1000 - i)));
    }
    list = open_ones(store, "orders");
    ck_assert_uint_eq(list.count, 1000);
    ck_assert_str_eq(list.items[0].message_id, "m1000"); /* the newest row is the oldest alarm */
    notification_list_clear(&list);
    store_close(store);
}
END_TEST

START_TEST(a_composite_alarm_gets_its_stream_later)
{
    struct store *store = open_store(":memory:");
    struct notification_list list;
    struct stream_state state;

    ck_assert(add(store, alarm_of("", "m1", 100)));
    list = open_ones(store, "");
    ck_assert_uint_eq(list.count, 1);
    notification_list_clear(&list);
    MUST(store_notification_assign(store, 1, &(const char *){"orders"}, 1, 700, &err));
    list = open_ones(store, "");
    ck_assert_uint_eq(list.count, 0);
    list = open_ones(store, "orders");
    ck_assert_uint_eq(list.count, 1);
    notification_list_clear(&list);
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert(state.due_ms == 700 && state.due_reasons == DUE_NOTIFICATION);

    MUST(store_notification_set(store, 1, NOTIFICATION_DROPPED, "over", 0, &err));
    MUST(store_notification_assign(store, 1, (const char *[]){"other", "third"}, 2, 800,
                                   &err)); /* has ended */
    ck_assert_uint_eq(open_ones(store, "third").count, 0);
    ck_assert_str_eq(load(store, 1).stream, "orders");
    MUST(store_stream_load(store, "other", &state, &err));
    ck_assert_int_eq(state.due_ms, INT64_MAX);
    store_close(store);
}
END_TEST

START_TEST(the_third_failure_makes_a_dead_letter_which_can_be_replayed)
{
    struct store *store = open_store(":memory:");
    struct notification found;
    struct stream_state state;
    bool dead;

    ck_assert(add(store, alarm_of("orders", "m1", 100)));
    MUST(store_notification_failed(store, 1, "timed out", &dead, &err));
    ck_assert(!dead);
    MUST(store_notification_set(store, 1, NOTIFICATION_DEFERRED, "locked", 0, &err));
    MUST(store_notification_failed(store, 1, "timed out", &dead, &err));
    ck_assert(!dead);
    found = load(store, 1);
    ck_assert(found.status == NOTIFICATION_DEFERRED && found.attempts == 2);
    MUST_FAIL(store_notification_replay(store, 1, 900, &err), ERROR_NOT_FOUND, "no dead notification 1");
    MUST(store_notification_failed(store, 1, "access denied", &dead, &err));
    ck_assert(dead);
    found = load(store, 1);
    ck_assert(found.status == NOTIFICATION_DEAD && found.attempts == 3);
    ck_assert_str_eq(found.reason, "access denied");
    MUST(store_notification_failed(store, 1, "again", &dead, &err)); /* has ended: left alone */
    ck_assert(!dead && load(store, 1).attempts == 3);
    MUST(store_notification_set(store, 1, NOTIFICATION_ACTED, "", 0, &err));
    ck_assert_int_eq(load(store, 1).status, NOTIFICATION_DEAD);

    MUST(store_stream_load(store, "orders", &state, &err));
    MUST(store_stream_set_due(store, &state, INT64_MAX, 0, &err));
    MUST(store_notification_replay(store, 1, 900, &err));
    found = load(store, 1);
    ck_assert(found.status == NOTIFICATION_PENDING && found.attempts == 0);
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert(state.due_ms == 900 && state.due_reasons == DUE_NOTIFICATION);
    MUST_FAIL(store_notification_replay(store, 77, 900, &err), ERROR_NOT_FOUND, "77");
    store_close(store);
}
END_TEST

START_TEST(a_dead_letter_can_be_dropped_and_only_once)
{
    struct store *store = open_store(":memory:");
    struct dead_letters dead;
    bool is_dead;

    MUST(store_dead_letters(store, &dead, &err));
    ck_assert(dead.count == 0 && dead.oldest_ms == 0);
    for (int i = 1; i <= 2; i++) {
        ck_assert(add(store, alarm_of("orders", i == 1 ? "m1" : "m2", 1000 - 100 * i)));
        for (int attempt = 0; attempt < 3; attempt++)
            MUST(store_notification_failed(store, i, "timed out", &is_dead, &err));
    }
    MUST(store_dead_letters(store, &dead, &err));
    ck_assert(dead.count == 2 && dead.oldest_ms == 800);
    MUST(store_notification_drop_dead(store, 2, &err));
    ck_assert_int_eq(load(store, 2).status, NOTIFICATION_DROPPED);
    ck_assert_str_eq(load(store, 2).reason, "dropped by hand; died of: timed out");
    MUST_FAIL(store_notification_drop_dead(store, 2, &err), ERROR_NOT_FOUND, "no dead notification 2");
    MUST_FAIL(store_notification_replay(store, 2, 900, &err), ERROR_NOT_FOUND, "no dead notification 2");
    MUST(store_dead_letters(store, &dead, &err));
    ck_assert(dead.count == 1 && dead.oldest_ms == 900);
    store_close(store);
}
END_TEST

/* A composite alarm whose stream was never found waits under a name of its own. */
START_TEST(a_dead_letter_without_a_stream_gets_its_turn_again)
{
    struct store *store = open_store(":memory:");
    struct stream_state state;
    bool dead;

    ck_assert(add(store, alarm_of("", "m1", 100)));
    for (int attempt = 0; attempt < 3; attempt++)
        MUST(store_notification_failed(store, 1, "timed out", &dead, &err));
    MUST(store_stream_load(store, STREAM_NOT_KNOWN, &state, &err));
    MUST(store_stream_set_due(store, &state, INT64_MAX, 0, &err));
    MUST(store_notification_replay(store, 1, 900, &err));
    MUST(store_stream_load(store, STREAM_NOT_KNOWN, &state, &err));
    ck_assert(state.due_ms == 900 && state.due_reasons == DUE_NOTIFICATION);
    store_close(store);
}
END_TEST

static const struct {
    const char *stream; /* NULL: all */
    int status;         /* -1: all */
    int limit;
    const char *ids;
} listings[] = {
    {NULL, -1, 100, "6 5 4 3 2 1"},
    {NULL, -1, 2, "6 5"},
    {NULL, -1, 0, ""},
    {NULL, -1, -1, ""},
    {"orders", -1, 100, "6 4 2 1"},
    {"orders", -1, 1, "6"},
    {NULL, NOTIFICATION_DROPPED, 100, "5 2"},
    {"orders", NOTIFICATION_DROPPED, 100, "2"},
    {"orders", NOTIFICATION_PENDING, 2, "6 4"},
    {"orders", NOTIFICATION_DEAD, 100, ""},
    {"unknown", -1, 100, ""},
};

START_TEST(the_newest_are_listed_by_stream_and_status)
{
    struct store *store = open_store(":memory:");
    const char *const streams[] = {"orders", "orders", "other", "orders", "other", "orders"};
    struct notification_list list = {0};
    char ids[64] = "";

    for (int i = 0; i < (int)COUNT_OF(streams); i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%d", i);
        ck_assert(add(store, alarm_of(streams[i], id, 100)));
    }
    MUST(store_notification_set(store, 2, NOTIFICATION_DROPPED, "r", 0, &err));
    MUST(store_notification_set(store, 5, NOTIFICATION_DROPPED, "r", 0, &err));
    MUST(store_notifications_recent(store, listings[_i].stream, listings[_i].status, listings[_i].limit,
                                    &list, &err));
    for (size_t i = 0; i < list.count; i++)
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%d", i == 0 ? "" : " ",
                 (int)list.items[i].id);
    ck_assert_str_eq(ids, listings[_i].ids);
    notification_list_clear(&list);
    store_close(store);
}
END_TEST

START_TEST(counts_follow_every_change_of_status)
{
    struct store *store = open_store(":memory:");
    int64_t counts[NOTIFICATION_STATUS_COUNT];
    bool dead;

    MUST(store_notification_counts(store, counts, &err));
    for (int i = 0; i < NOTIFICATION_STATUS_COUNT; i++)
        ck_assert_int_eq(counts[i], 0);
    for (int i = 0; i < 6; i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%d", i);
        ck_assert(add(store, alarm_of("orders", id, 100)));
        ck_assert(!add(store, alarm_of("orders", id, 100)));
    }
    MUST(store_notification_set(store, 1, NOTIFICATION_DEFERRED, "r", 0, &err));
    MUST(store_notification_set(store, 1, NOTIFICATION_DEFERRED, "still", 0, &err));
    MUST(store_notification_set(store, 2, NOTIFICATION_DROPPED, "r", 0, &err));
    for (int i = 0; i < 3; i++) {
        MUST(store_notification_failed(store, 3, "f", &dead, &err));
        MUST(store_notification_failed(store, 4, "f", &dead, &err));
    }
    MUST(store_notification_replay(store, 4, 1, &err));
    MUST(store_notification_set(store, 5, NOTIFICATION_ACTED, "", 0, &err));
    MUST(store_notification_counts(store, counts, &err));
    ck_assert_int_eq(counts[NOTIFICATION_PENDING], 2);
    ck_assert_int_eq(counts[NOTIFICATION_DEFERRED], 1);
    ck_assert_int_eq(counts[NOTIFICATION_ACTED], 1);
    ck_assert_int_eq(counts[NOTIFICATION_DROPPED], 1);
    ck_assert_int_eq(counts[NOTIFICATION_DEAD], 1);
    store_close(store);
}
END_TEST

START_TEST(texts_from_outside_are_values_never_sql)
{
    struct store *store = open_store(":memory:");
    struct notification given = alarm_of("orders", "x'); DROP TABLE notifications; --", 100);

    snprintf(given.alarm_name, sizeof(given.alarm_name), "\"' OR 1=1 %%s \xf0\x9f\x8c\x8a \x01");
    given.body = (char *)"line\nline '\"";
    ck_assert(add(store, given));
    ck_assert_str_eq(load(store, 1).message_id, given.message_id);
    ck_assert_str_eq(load(store, 1).alarm_name, given.alarm_name);
    store_close(store);
}
END_TEST

START_TEST(a_message_without_an_id_is_our_own_fault_and_stores_nothing)
{
    struct store *store = open_store(":memory:");
    struct notification given = alarm_of("orders", "", 100);
    struct stream_state state;
    bool is_new;

    MUST_FAIL(store_notification_add(store, &given, &is_new, &err), ERROR_BUG, "CHECK");
    given = alarm_of("orders", "m", 100);
    given.action_id = 5; /* there is no such action */
    MUST_FAIL(store_notification_add(store, &given, &is_new, &err), ERROR_BUG, "FOREIGN KEY");
    MUST(store_stream_load(store, "orders", &state, &err));
    ck_assert_int_eq(state.due_ms, INT64_MAX);
    store_close(store);
}
END_TEST

static bool is_stored(const char *path, const char *message_id)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM notifications WHERE message_id = '%s'", message_id);
    return ask_file(path, sql) == 1;
}

START_TEST(in_one_transaction_each_is_stored_as_a_whole_or_not_at_all)
{
    const char *path = database_path();
    struct store *store = open_store(path), *transaction = NULL;
    struct notification bad = alarm_of("orders", "", 5000);
    bool is_new;

    MUST(store_begin(store, &transaction, &err));
    ck_assert(add(store, alarm_of("orders", "first", 5000)));
    MUST_FAIL(store_notification_add(store, &bad, &is_new, &err), ERROR_BUG, "constraint");
    ck_assert(!add(store, alarm_of("orders", "first", 5000)));
    ck_assert(add(store, alarm_of("payments", "second", 5000)));
    ck_assert_msg(!is_stored(path, "first"), "seen by others before the commit");
    MUST(store_commit(&transaction, &err));
    ck_assert(is_stored(path, "first") && is_stored(path, "second") && !is_stored(path, ""));
    ck_assert_int_eq(ask_file(path, "SELECT count(*) FROM streams WHERE due_ms = 5000"), 2);
    store_close(store);
}
END_TEST

START_TEST(of_a_transaction_that_is_not_committed_nothing_is_stored)
{
    const char *path = database_path();
    struct store *store = open_store(path), *transaction = NULL;

    MUST(store_begin(store, &transaction, &err));
    ck_assert(add(store, alarm_of("orders", "first", 5000)));
    ck_assert(add(store, alarm_of("orders", "second", 5000)));
    store_rollback(&transaction);
    ck_assert(!is_stored(path, "first") && !is_stored(path, "second"));
    ck_assert(add(store, alarm_of("orders", "first", 5000)));
    ck_assert(is_stored(path, "first"));
    store_close(store);
}
END_TEST

START_TEST(every_status_has_a_name)
{
    ck_assert_str_eq(notification_status_name(NOTIFICATION_PENDING), "pending");
    ck_assert_str_eq(notification_status_name(NOTIFICATION_DEFERRED), "deferred");
    ck_assert_str_eq(notification_status_name(NOTIFICATION_ACTED), "acted");
    ck_assert_str_eq(notification_status_name(NOTIFICATION_DROPPED), "dropped");
    ck_assert_str_eq(notification_status_name(NOTIFICATION_DEAD), "dead");
    ck_assert_str_eq(notification_status_name(NOTIFICATION_STATUS_COUNT), "unknown");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store notifications");
    TCase *tcase = tcase_create("notifications");

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, all_of_a_notification_comes_back_after_a_restart);
    tcase_add_test(tcase, a_known_message_changes_nothing);
    tcase_add_loop_test(tcase, only_what_needs_an_answer_makes_its_stream_due, 0, COUNT_OF(arrivals));
    tcase_add_test(tcase, open_ones_come_oldest_first_and_end_only_once);
    tcase_add_test(tcase, no_more_than_a_thousand_open_ones_are_listed);
    tcase_add_test(tcase, a_composite_alarm_gets_its_stream_later);
    tcase_add_test(tcase, the_third_failure_makes_a_dead_letter_which_can_be_replayed);
    tcase_add_test(tcase, a_dead_letter_can_be_dropped_and_only_once);
    tcase_add_test(tcase, a_dead_letter_without_a_stream_gets_its_turn_again);
    tcase_add_loop_test(tcase, the_newest_are_listed_by_stream_and_status, 0, COUNT_OF(listings));
    tcase_add_test(tcase, counts_follow_every_change_of_status);
    tcase_add_test(tcase, texts_from_outside_are_values_never_sql);
    tcase_add_test(tcase, a_message_without_an_id_is_our_own_fault_and_stores_nothing);
    tcase_add_test(tcase, in_one_transaction_each_is_stored_as_a_whole_or_not_at_all);
    tcase_add_test(tcase, of_a_transaction_that_is_not_committed_nothing_is_stored);
    tcase_add_test(tcase, every_status_has_a_name);
    suite_add_tcase(made, tcase);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
