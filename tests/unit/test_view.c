/*
 * What is told of a stream: GET /streams/{name} and `kinescale status`.
 */
#include "store_support.h"
#include "support.h"

#include "base/memory.h"
#include "daemon/view.h"

static struct error err;

static struct config *config(void)
{
    static const char text[] = "[service]\ndatabase = unused.db\nregion = us-east-1\n"
                               "topic_arn = arn:aws:sns:us-east-1:000000000000:kinescale\n[stream orders]\n";

    return config_of(text);
}

static void act(struct store *store, enum action_kind kind, int64_t to_shards, const char *failure,
                int64_t now_ms)
{
    struct action action = action_of("orders", kind, now_ms);

    MUST(store_action_begin(store, &action, &err));
    action.to_shards = to_shards;
    snprintf(action.reason, sizeof(action.reason), "16 shards are max_shards");
    snprintf(action.failure, sizeof(action.failure), "%s", failure);
    MUST(store_action_end(store, &action, "me", 0, now_ms + 10, &err));
}

static const struct {
    enum action_kind kind;
    int64_t to_shards; /* from 4 */
    const char *failure;
    int actions; /* so many of them, one after the other */
    int times;   /* in one row; 1: each has its own */
} history[] = {
    {ACTION_SCALE_UP, 8, "", 1, 1},
    {ACTION_SCALE_UP, 4, "", 12, 12},
    {ACTION_SCALE_UP, 4, "no access", 2, 1},
    {ACTION_SCALE_UP, 4, "", 1, 1},
    {ACTION_REPAIR, 4, "", 2, 1},
    {ACTION_SCALE_UP, 4, "", 3, 3},
    {ACTION_SCALE_UP, 8, "", 1, 1},
    {ACTION_SCALE_UP, 4, "16 shards are max_shards", 5, 5},
};

START_TEST(alarms_that_came_to_nothing_do_not_hide_what_was_done)
{
    struct store *store = open_store(":memory:");
    struct config *whole = config();
    const cJSON *row;
    int64_t now_ms = 1000;
    cJSON *object;

    for (size_t i = 0; i < COUNT_OF(history); i++) {
        for (int n = 0; n < history[i].actions; n++)
            act(store, history[i].kind, history[i].to_shards, history[i].failure, now_ms += 1000);
    }
    object = view_stream(store, whole, "orders", now_ms, 10, &err);
    ck_assert_ptr_nonnull(object);
    row = cJSON_GetObjectItem(object, "actions")->child; /* the newest first */
    for (size_t i = COUNT_OF(history); i-- > 0;) {
        for (int n = 0; n < history[i].actions; n += history[i].times, row = row->next) {
            ck_assert_ptr_nonnull(row);
            ck_assert_double_eq(cJSON_GetObjectItem(row, "times")->valuedouble, history[i].times);
            ck_assert_double_eq(cJSON_GetObjectItem(row, "to_shards")->valuedouble,
                                (double)history[i].to_shards);
            ck_assert_int_eq(strcmp(cJSON_GetObjectItem(row, "started")->valuestring,
                                    cJSON_GetObjectItem(row, "first_started")->valuestring) != 0,
                             history[i].times > 1);
        }
    }
    ck_assert_ptr_null(row); /* ten rows, of 27 actions */
    cJSON_Delete(object);
    config_free(whole);
    store_close(store);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("view");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, alarms_that_came_to_nothing_do_not_hide_what_was_done);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
