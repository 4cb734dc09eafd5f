#include "sim_wire.h"

#include "base/memory.h"
#include "base/text.h"
#include "support.h"

#include <string.h>

struct sim *sim;
struct sim_response response;

void make_sim(void)
{
    sim = sim_new(&(struct sim_options){
        .start_ms = START_MS, .seed = 1, .metric_delay_ms = -1, .public_url = "http://127.0.0.1:4567"});
}

void drop_sim(void)
{
    buffer_clear(&response.body);
    sim_free(sim);
}

const char *answer(struct test_request *test)
{
    buffer_clear(&response.body);
    if (test->request.header(&test->request, "X-Amz-Date") == NULL)
        test_request_header(test, "X-Amz-Date", "20260101T000000Z");
    sim_answer(sim, &test->request, &response);
    return buffer_text(&response.body);
}

/* `operation` with its prefix: "Kinesis_20131202.SplitShard". */
const char *json(const char *operation, const char *body)
{
    struct test_request test;

    test_request_init(&test, "POST", "/", "", body);
    test_request_header(&test, "X-Amz-Target", operation);
    test_request_header(&test, "Content-Type", text_starts_with(operation, KINESIS) ? JSON_1_1 : JSON_1_0);
    test_request_header(&test, "Authorization", AUTHORIZATION);
    return answer(&test);
}

const char *query(const char *body)
{
    struct test_request test;

    test_request_init(&test, "POST", "/", "", body);
    test_request_header(&test, "Content-Type", FORM);
    test_request_header(&test, "Authorization", AUTHORIZATION);
    return answer(&test);
}

void expect(int status, const char *body)
{
    ck_assert_str_eq(buffer_text(&response.body), body);
    ck_assert_int_eq(response.status, status);
}

void expect_has(const char *text)
{
    ck_assert_msg(strstr(buffer_text(&response.body), text) != NULL, "no '%s' in %d '%s'", text,
                  response.status, buffer_text(&response.body));
}

void expect_not(const char *text)
{
    ck_assert_msg(strstr(buffer_text(&response.body), text) == NULL, "'%s' in '%s'", text,
                  buffer_text(&response.body));
}

void make_stream(const char *name, int shards)
{
    SCOPED(free_text) char *body = must_printf("{\"StreamName\":\"%s\",\"ShardCount\":%d}", name, shards);

    json(KINESIS "CreateStream", body);
    expect(200, "");
    sim_advance(sim, START_MS + 60000);
}

char *replaced(char *text, const char *what, const char *with)
{
    size_t done = 0;
    char *at;

    while ((at = strstr(text + done, what)) != NULL) {
        char *longer = must_printf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));

        done = (size_t)(at - text) + strlen(with);
        free(text);
        text = longer;
    }
    return text;
}
