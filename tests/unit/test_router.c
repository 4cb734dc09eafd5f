#include "base/memory.h"
#include "base/random.h"
#include "http/router.h"
#include "support.h"

static void handle(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    (void)response;
}

enum { HEALTH, LIST, ONE, PAUSE, REPLACE, SHARD, ROOT, NOTHING = -1 };

static const struct route routes[] = {
    [HEALTH] = {"GET", "/healthz", 0, handle},
    [LIST] = {"GET", "/streams", 0, handle},
    [ONE] = {"GET", "/streams/{name}", 0, handle},
    [PAUSE] = {"POST", "/streams/{name}/pause", 0, handle},
    [REPLACE] = {"PUT", "/streams/{name}", 0, handle},
    [SHARD] = {"GET", "/streams/{name}/shards/{shard}", 0, handle},
    [ROOT] = {"GET", "/", 0, handle},
};

static const char long_path[] =
    "/streams/"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static const struct {
    const char *method;
    const char *path;
    enum match match;
    int route;
    const char *name; /* NULL: there is no such parameter */
    const char *shard;
} cases[] = {
    {"GET", "/healthz", MATCH_OK, HEALTH},
    {"HEAD", "/healthz", MATCH_OK, HEALTH},
    {"get", "/healthz", MATCH_NO_METHOD, NOTHING},
    {"POST", "/healthz", MATCH_NO_METHOD, NOTHING},
    {"HEAD", "/streams/orders/pause", MATCH_NO_METHOD, NOTHING},
    {"GET", "/health%7A", MATCH_OK, HEALTH},
    {"GET", "/healthz/", MATCH_NO_PATH, NOTHING},
    {"GET", "/healthzz", MATCH_NO_PATH, NOTHING},
    {"GET", "/health", MATCH_NO_PATH, NOTHING},
    {"GET", "//healthz", MATCH_NO_PATH, NOTHING},
    {"GET", "/Healthz", MATCH_NO_PATH, NOTHING},
    {"GET", "/", MATCH_OK, ROOT},
    {"GET", "//", MATCH_NO_PATH, NOTHING},
    {"GET", "/streams", MATCH_OK, LIST},
    {"GET", "/streams/", MATCH_NO_PATH, NOTHING},
    {"GET", "/streams/orders", MATCH_OK, ONE, "orders"},
    {"PUT", "/streams/orders", MATCH_OK, REPLACE, "orders"},
    {"GET", "/streams/user%2devents%20%C3%BC", MATCH_OK, ONE, "user-events \xc3\xbc"},
    {"GET", "/streams/%252e%252e", MATCH_OK, ONE, "%2e%2e"},
    {"GET", "/streams/{name}", MATCH_OK, ONE, "{name}"},
    {"GET", "/streams/a+b", MATCH_OK, ONE, "a+b"},
    {"GET", "/streams/...", MATCH_OK, ONE, "..."},
    {"POST", "/streams/orders/pause", MATCH_OK, PAUSE, "orders"},
    {"POST", "/streams//pause", MATCH_NO_PATH, NOTHING},
    {"GET", "/streams/orders/shards/shardId-000000000001", MATCH_OK, SHARD, "orders", "shardId-000000000001"},
    {"GET", "/streams/orders/shards", MATCH_NO_PATH, NOTHING},
    {"GET", long_path, MATCH_NO_PATH, NOTHING},
    {"GET", long_path + 1, MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%00", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/orders%00x", MATCH_BAD_PATH, NOTHING},
    {"GET", "/healthz%00", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/a%0d%0aSet-Cookie:b", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%7f", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%4", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%4/x", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%g0", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%%41", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%ff", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%c0%ae", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/..", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/../healthz", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/%2e%2E/healthz", MATCH_BAD_PATH, NOTHING},
    {"GET", "/./healthz", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/..%2f..%2fetc%2fpasswd", MATCH_BAD_PATH, NOTHING},
    {"GET", "/streams/a%2Fpause", MATCH_BAD_PATH, NOTHING},
    {"GET", "/nowhere/%zz", MATCH_BAD_PATH, NOTHING},
    {"GET", "", MATCH_BAD_PATH, NOTHING},
    {"OPTIONS", "*", MATCH_BAD_PATH, NOTHING},
    {"GET", "healthz", MATCH_BAD_PATH, NOTHING},
    {"GET", "http://localhost/healthz", MATCH_BAD_PATH, NOTHING},
};

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

START_TEST(routes_are_found_as_the_table_says)
{
    struct http_request request = {0};
    const struct route *route = NULL;
    enum match match =
        router_find(routes, COUNT_OF(routes), cases[_i].method, cases[_i].path, &request, &route);
    const char *name = http_request_parameter(&request, "name");
    const char *shard = http_request_parameter(&request, "shard");

    ck_assert_msg(match == cases[_i].match, "%s %s: %d", cases[_i].method, cases[_i].path, (int)match);
    ck_assert_ptr_eq(route, cases[_i].route == NOTHING ? NULL : &routes[cases[_i].route]);
    ck_assert_msg(same(name, cases[_i].name), "%s: name is '%s'", cases[_i].path, name ? name : "(none)");
    ck_assert_msg(same(shard, cases[_i].shard), "%s: shard is '%s'", cases[_i].path,
                  shard ? shard : "(none)");
    ck_assert_uint_eq(request.parameter_count, (name != NULL) + (shard != NULL));
}
END_TEST

START_TEST(the_longest_value_fits_and_one_more_byte_does_not)
{
    struct http_request request = {0};
    const struct route *route = NULL;
    char path[200] = "/streams/";

    memset(path + 9, 'a', 159);
    ck_assert_int_eq(router_find(routes, COUNT_OF(routes), "GET", path, &request, &route), MATCH_OK);
    ck_assert_uint_eq(strlen(http_request_parameter(&request, "name")), 159);
    path[9 + 159] = 'a';
    ck_assert_int_eq(router_find(routes, COUNT_OF(routes), "GET", path, &request, &route), MATCH_NO_PATH);
    ck_assert_ptr_null(http_request_parameter(&request, "name"));
}
END_TEST

START_TEST(allow_names_every_method_of_a_path_and_no_other)
{
    char text[64];

    router_allow(routes, COUNT_OF(routes), "/streams/orders", text, sizeof(text));
    ck_assert_str_eq(text, "GET, HEAD, PUT");
    router_allow(routes, COUNT_OF(routes), "/streams/orders/pause", text, sizeof(text));
    ck_assert_str_eq(text, "POST");
    router_allow(routes, COUNT_OF(routes), "/nowhere", text, sizeof(text));
    ck_assert_str_eq(text, "");
    router_allow(routes, COUNT_OF(routes), "/streams/orders", text, 10);
    ck_assert_str_eq(text, "GET, HEAD");
}
END_TEST

/* A property: whatever the bytes, a value that reaches a handler is text without surprises. */
START_TEST(no_value_has_control_characters_or_leaves_its_segment)
{
    static const char alphabet[] = "%%%%/.0123456789abcdefABCDEF-";

    for (int round = 0; round < 200000; round++) {
        struct http_request request = {0};
        const struct route *route = NULL;
        unsigned char dice[12];
        char path[32] = "/streams/";
        const char *name;

        random_bytes(dice, sizeof(dice));
        for (size_t i = 0; i < sizeof(dice); i++)
            path[9 + i] = alphabet[dice[i] % (sizeof(alphabet) - 1)];
        if (router_find(routes, COUNT_OF(routes), "GET", path, &request, &route) != MATCH_OK)
            continue;
        name = http_request_parameter(&request, "name");
        ck_assert_msg(name != NULL && name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
                          strchr(name, '/') == NULL,
                      "%s", path);
        for (const char *c = name; *c != '\0'; c++)
            ck_assert_msg((unsigned char)*c >= 0x20 && *c != 0x7f, "%s", path);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("router");
    TCase *tcase = tcase_create("router");

    tcase_add_loop_test(tcase, routes_are_found_as_the_table_says, 0, COUNT_OF(cases));
    tcase_add_test(tcase, the_longest_value_fits_and_one_more_byte_does_not);
    tcase_add_test(tcase, allow_names_every_method_of_a_path_and_no_other);
    tcase_add_test(tcase, no_value_has_control_characters_or_leaves_its_segment);
    suite_add_tcase(made, tcase);
    return made;
}

int main(void)
{
    return run_suite(suite());
}
