/*
 * The simulated AWS on a real address: requests, deliveries that OpenSSL verifies, retries, scenes.
 */
#include "aws_request.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "loopback.h"
#include "sim_wire.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>

#define TOPIC "arn:aws:sns:us-east-1:000000000000:kinescale"
#define SPEED 200 /* 20 s between tries are a tenth of one */

static struct scaled_clock fast;
static struct sim_server *server;
static struct sim_server_options options;
static struct error err;

static void start(void)
{
    ck_assert_msg(sim_server_start(&options, &server, &err) == 0, "%s", err.message);
}

static void prepare(void)
{
    clock_scaled_init(&fast, clock_now_ms(clock_system()), SPEED);
    options = (struct sim_server_options){
        .sim = {.seed = 1, .check_signatures = true, .metric_delay_ms = -1},
        .listen = "127.0.0.1:0",
        .clock = &fast.clock,
    };
    server = NULL;
    err = (struct error){0};
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void tidy_up(void)
{
    sim_server_stop(server);
    curl_global_cleanup();
}

/* ---- a client */

static size_t collect(char *bytes, size_t size, size_t count, void *context)
{
    struct error ignored;

    return buffer_add(context, bytes, size * count, &ignored) == 0 ? size * count : 0;
}

/* The status; *ret_body is the caller's to free. */
static long fetch(const char *method, const char *path, struct curl_slist *headers, const char *body,
                  char **ret_body)
{
    char *url = path[0] == 'h' ? must_strdup(path)
                               : must_printf("http://127.0.0.1:%d%s", sim_server_port(server), path);
    struct buffer answer_body;
    CURL *curl = curl_easy_init();
    long status = 0;

    buffer_init(&answer_body, 16 << 20);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (body != NULL)
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer_body);
    ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    free(url);
    *ret_body = buffer_take(&answer_body);
    return status;
}

/* Signed, as an SDK would send it. */
static char *aws(const char *service, const char *target, const char *type, const char *body, long status)
{
    struct curl_slist *headers = NULL;
    struct test_request test;
    char host[32], *text;
    long got;

    snprintf(host, sizeof(host), "127.0.0.1:%d", sim_server_port(server));
    test_request_init(&test, "POST", "/", "", body);
    test_request_header(&test, "Host", host);
    test_request_header(&test, "Content-Type", type);
    test_request_header(&test, "X-Amz-Target", target);
    test_request_sign(
        &test, &(struct test_signature){SIM_ACCESS_KEY_ID, SIM_SECRET_ACCESS_KEY, SIM_REGION, service});
    for (size_t i = 0; i < test.count; i++) {
        SCOPED(free_text) char *header = must_printf("%s: %s", test.names[i], test.values[i]);

        headers = curl_slist_append(headers, header);
    }
    got = fetch("POST", "/", headers, body, &text);
    curl_slist_free_all(headers);
    ck_assert_msg(got == status, "%s: %ld %s", body, got, text);
    return text;
}

static void sns(const char *body)
{
    free(aws("sns", NULL, FORM, body, 200));
}

static void subscribe(const char *url)
{
    SCOPED(free_text)
    char *body =
        must_printf("Action=Subscribe&Version=2010-03-31&TopicArn=" TOPIC "&Protocol=%.*s&Endpoint=%s/sns",
                    (int)strcspn(url, ":"), url, url);

    sns("Action=CreateTopic&Version=2010-03-31&Name=kinescale");
    sns(body);
}

/* Waits for what has to happen in another thread. */
static void wait_for_requests(struct loopback *endpoint, int count)
{
    for (int i = 0; i < 500 && loopback_requests(endpoint) < count; i++)
        clock_sleep_ms(clock_system(), 20);
    ck_assert_int_ge(loopback_requests(endpoint), count);
}

static char *line_of(const char *request, const char *name)
{
    SCOPED(free_text) char *start = must_printf("\r\n%s: ", name);
    const char *at = strcasestr(request, start);

    if (at == NULL)
        return must_strdup("(none)");
    at += strlen(start);
    return must_strndup(at, strcspn(at, "\r"));
}

static void expect_header(const char *request, const char *name, const char *value)
{
    SCOPED(free_text) char *got = line_of(request, name);

    ck_assert_msg(strcmp(got, value) == 0, "%s is '%s', not '%s'", name, got, value);
}

/* ---- signatures */

static const char *member(const cJSON *body, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(body, name));

    ck_assert_msg(value != NULL, "no %s", name);
    return value;
}

/* Whether OpenSSL agrees that the certificate's key signed these members. */
static bool verifies(const cJSON *body, const char *pem, const char *const *names)
{
    struct buffer text;
    unsigned char signature[512];
    const char *encoded = member(body, "Signature");
    bool v2 = strcmp(member(body, "SignatureVersion"), "2") == 0;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *key;
    int length, result;

    ck_assert_ptr_nonnull(certificate);
    key = X509_get_pubkey(certificate);
    buffer_init(&text, 1 << 20);
    for (; *names != NULL; names++)
        ck_assert_int_eq(buffer_printf(&text, &err, "%s\n%s\n", *names, member(body, *names)), 0);
    ck_assert_uint_lt(strlen(encoded), 600);
    length = EVP_DecodeBlock(signature, (const unsigned char *)encoded, (int)strlen(encoded));
    length -= text_ends_with(encoded, "==") ? 2 : text_ends_with(encoded, "=") ? 1 : 0;
    EVP_DigestVerifyInit(context, NULL, v2 ? EVP_sha256() : EVP_sha1(), NULL, key);
    result = EVP_DigestVerify(context, signature, (size_t)length, (const unsigned char *)buffer_text(&text),
                              text.length);
    buffer_clear(&text);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(bio);
    return result == 1;
}

static const char *const confirmation_members[] = {"Message", "MessageId", "SubscribeURL", "Timestamp",
                                                   "Token",   "TopicArn",  "Type",         NULL};
static const char *const notification_members[] = {"Message",  "MessageId", "Subject", "Timestamp",
                                                   "TopicArn", "Type",      NULL};

static const char ok_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static const struct loopback_route accepts[] = {{"/sns", ok_answer}, {NULL}};

/* The last message an endpoint got: parsed, and with its headers; the caller deletes and frees. */
static cJSON *last_message(struct loopback *endpoint, char **ret_request)
{
    char *request = loopback_last_request(endpoint);
    const char *body = strstr(request, "\r\n\r\n");
    cJSON *message = cJSON_Parse(body + 4);

    ck_assert_msg(message != NULL, "%s", request);
    *ret_request = request;
    return message;
}

/* v1 and v2 by the topic's attribute. */
START_TEST(messages_arrive_signed_and_with_aws_headers)
{
    struct loopback *endpoint = loopback_start(accepts, false);
    SCOPED(free_text) char *confirm = NULL;
    SCOPED(free_text) char *pem = NULL;
    SCOPED(free_text) char *subscription = NULL;
    SCOPED(free_text) char *base = NULL;
    const char *version = _i == 2 ? "2" : "1";
    char *request;
    cJSON *message;

    start();
    base = must_printf("http://127.0.0.1:%d/", sim_server_port(server));
    subscribe(loopback_url(endpoint));
    wait_for_requests(endpoint, 1);
    message = last_message(endpoint, &request);
    expect_header(request, "x-amz-sns-message-type", "SubscriptionConfirmation");
    expect_header(request, "x-amz-sns-message-id", member(message, "MessageId"));
    expect_header(request, "x-amz-sns-topic-arn", TOPIC);
    expect_header(request, "x-amz-sns-subscription-arn", "(none)");
    expect_header(request, "Content-Type", "text/plain; charset=UTF-8");
    expect_header(request, "User-Agent", "Amazon Simple Notification Service Agent");
    ck_assert_str_eq(member(message, "Message"),
                     "You have chosen to subscribe to the topic " TOPIC
                     ".\nTo confirm the subscription, visit the SubscribeURL included in this message.");
    ck_assert(text_starts_with(member(message, "SigningCertURL"), base));
    ck_assert(text_starts_with(member(message, "SubscribeURL"), base));
    ck_assert_int_eq(fetch("GET", member(message, "SigningCertURL"), NULL, NULL, &pem), 200);
    ck_assert(verifies(message, pem, confirmation_members));

    confirm = must_printf("Action=ConfirmSubscription&Version=2010-03-31&TopicArn=" TOPIC "&Token=%s",
                          member(message, "Token"));
    cJSON_Delete(message);
    free(request);
    sns(confirm);
    if (_i == 2)
        sns("Action=SetTopicAttributes&Version=2010-03-31&TopicArn=" TOPIC
            "&AttributeName=SignatureVersion&AttributeValue=2");
    sns("Action=Publish&Version=2010-03-31&TopicArn=" TOPIC
        "&Subject=a+subject&Message=l%C3%B6ss%0A%22quoted%22");
    wait_for_requests(endpoint, 2);
    message = last_message(endpoint, &request);
    subscription = line_of(request, "x-amz-sns-subscription-arn");
    ck_assert_msg(text_starts_with(subscription, TOPIC ":"), "%s", subscription);
    expect_header(request, "x-amz-sns-message-type", "Notification");
    ck_assert_str_eq(member(message, "Message"), "l\xc3\xb6ss\n\"quoted\"");
    ck_assert_str_eq(member(message, "SignatureVersion"), version);
    ck_assert_ptr_nonnull(strstr(member(message, "UnsubscribeURL"), subscription));
    ck_assert(verifies(message, pem, notification_members));
    cJSON_ReplaceItemInObject(message, "Message", cJSON_CreateString("forged"));
    ck_assert(!verifies(message, pem, notification_members));
    cJSON_Delete(message);
    free(request);
    loopback_stop(endpoint);
}
END_TEST

START_TEST(messages_name_the_public_address)
{
    struct loopback *endpoint = loopback_start(accepts, false);
    SCOPED(free_text) char *request = NULL;

    options.sim.public_url = "http://127.0.0.2:80";
    start();
    subscribe(loopback_url(endpoint));
    wait_for_requests(endpoint, 1);
    request = loopback_last_request(endpoint);
    ck_assert_ptr_nonnull(strstr(request, "\"http://127.0.0.2:80/SimpleNotificationService-"));
    loopback_stop(endpoint);
}
END_TEST

START_TEST(the_certificate_outlives_simulated_time)
{
    struct loopback *endpoint = loopback_start(accepts, false);
    SCOPED(free_text) char *pem = NULL;
    char *request, name[64];
    cJSON *message;
    BIO *bio;
    X509 *certificate;
    time_t in_2199 = 7226582400;

    start();
    subscribe(loopback_url(endpoint));
    wait_for_requests(endpoint, 1);
    message = last_message(endpoint, &request);
    ck_assert_int_eq(fetch("GET", member(message, "SigningCertURL"), NULL, NULL, &pem), 200);
    bio = BIO_new_mem_buf(pem, -1);
    certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof(name));
    ck_assert_str_eq(name, "sns.amazonaws.com");
    ck_assert_int_gt(X509_cmp_time(X509_get0_notAfter(certificate), &in_2199), 0);
    ck_assert_int_lt(X509_cmp_time(X509_get0_notBefore(certificate), &(time_t){1}), 0);
    X509_free(certificate);
    BIO_free(bio);
    cJSON_Delete(message);
    free(request);
    loopback_stop(endpoint);
}
END_TEST

/* ---- retries */

static const struct {
    const char *answer;
    int tries;
} endings[] = {
    {"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 4},
    {"HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n", 4},
    {"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", 1},
    {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 1},
    {"HTTP/1.1 302 Elsewhere\r\nLocation: /sns\r\nContent-Length: 0\r\n\r\n", 1},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1},
    {"", 4}, /* hangs up */
};

START_TEST(only_server_errors_are_tried_again)
{
    const struct loopback_route routes[] = {{.path = "/sns", .answer = endings[_i].answer, .close = true},
                                            {NULL}};
    struct loopback *endpoint = loopback_start(routes, false);

    start();
    subscribe(loopback_url(endpoint));
    wait_for_requests(endpoint, endings[_i].tries);
    clock_sleep_ms(clock_system(), 3 * 20000 / SPEED); /* three times as long as the next try would take */
    ck_assert_int_eq(loopback_requests(endpoint), endings[_i].tries);
    loopback_stop(endpoint);
}
END_TEST

START_TEST(a_self_signed_endpoint_needs_leave)
{
    struct loopback *endpoint = loopback_start(accepts, true);

    options.accept_any_certificate = _i == 1;
    start();
    subscribe(loopback_url(endpoint));
    if (_i == 1) {
        wait_for_requests(endpoint, 1);
    } else {
        clock_sleep_ms(clock_system(), 500);
        ck_assert_int_eq(loopback_requests(endpoint), 0);
    }
    loopback_stop(endpoint);
}
END_TEST

START_TEST(stopping_does_not_wait_for_a_slow_endpoint)
{
    const struct loopback_route slow[] = {{.path = "/sns", .answer = ok_answer, .delay_ms = 4000}, {NULL}};
    struct loopback *endpoint = loopback_start(slow, false);
    int64_t begin_ns;

    start();
    subscribe(loopback_url(endpoint));
    wait_for_requests(endpoint, 1);
    begin_ns = clock_monotonic_ns();
    sim_server_stop(server);
    server = NULL;
    ck_assert_int_lt((clock_monotonic_ns() - begin_ns) / 1000000, 3000);
    loopback_stop(endpoint);
}
END_TEST

/* ---- AWS over HTTP */

START_TEST(a_signed_request_over_http_passes_and_time_goes_by)
{
    SCOPED(free_text) char *summary = NULL;

    start();
    free(aws("kinesis", KINESIS "CreateStream", JSON_1_1, "{\"StreamName\":\"orders\",\"ShardCount\":2}",
             200));
    clock_sleep_ms(clock_system(), 40000 / SPEED);
    summary = aws("kinesis", KINESIS "DescribeStreamSummary", JSON_1_1, "{\"StreamName\":\"orders\"}", 200);
    ck_assert_ptr_nonnull(strstr(summary, "\"StreamStatus\":\"ACTIVE\""));
    ck_assert_ptr_nonnull(strstr(summary, "\"OpenShardCount\":2"));
    free(aws("sns", KINESIS "DescribeLimits", JSON_1_1, "{}", 400));
}
END_TEST

static size_t keep_headers(char *bytes, size_t size, size_t count, void *context)
{
    return collect(bytes, size, count, context);
}

START_TEST(answers_carry_the_headers_of_aws)
{
    struct buffer headers, body;
    struct curl_slist *list = NULL;
    CURL *curl = curl_easy_init();
    SCOPED(free_text) char *url = NULL;

    start();
    buffer_init(&headers, 65536);
    buffer_init(&body, 65536);
    url = must_printf("http://127.0.0.1:%d/", sim_server_port(server));
    list = curl_slist_append(list, "Content-Type: " JSON_1_0);
    list = curl_slist_append(list, "X-Amz-Target: " GRANITE "DescribeAlarms");
    list = curl_slist_append(list, "x-amzn-query-mode: true");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{}");
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_headers);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
    ck_assert_ptr_nonnull(strcasestr(buffer_text(&headers), "HTTP/1.1 400"));
    ck_assert_ptr_nonnull(strcasestr(buffer_text(&headers), "Content-Type: " JSON_1_0 "\r\n"));
    ck_assert_ptr_nonnull(strcasestr(buffer_text(&headers), "x-amzn-RequestId: "));
    ck_assert_ptr_nonnull(
        strcasestr(buffer_text(&headers), "x-amzn-ErrorType: MissingAuthenticationTokenException\r\n"));
    ck_assert_ptr_nonnull(
        strcasestr(buffer_text(&headers), "x-amzn-query-error: MissingAuthenticationToken;Sender\r\n"));
    ck_assert_ptr_nonnull(strcasestr(buffer_text(&headers), "Date: "));
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    buffer_clear(&headers);
    buffer_clear(&body);
}
END_TEST

/* ---- scenes, state, traffic */

static const char *scene_file(const char *text)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/scene", temporary_directory());
    write_text(path, text);
    return path;
}

START_TEST(a_scene_is_there_from_the_start)
{
    struct loopback *endpoint = loopback_start(accepts, false);
    SCOPED(free_text) char *scene = NULL;
    SCOPED(free_text) char *state = NULL;
    SCOPED(free_text) char *alarms = NULL;
    SCOPED(free_text) char *shards = NULL;

    scene = must_printf("# streams\n"
                        "stream orders shards=4 metrics=shard\n"
                        "\n"
                        "\tstream quiet consumer=no\n"
                        "stream c\nstream d\nstream e\nstream f\nstream g\nstream h\n"
                        "topic kinescale signature=2\r\n"
                        "subscribe kinescale %s/sns\n"
                        "alarms orders topic=kinescale threshold=80%% period=60s\n"
                        "traffic orders load=constant:5M record=2048 keys=uniform\n",
                        loopback_url(endpoint));
    options.scene = scene_file(scene);
    start();
    wait_for_requests(endpoint, 1);
    ck_assert_int_eq(fetch("GET", "/sim/state", NULL, NULL, &state), 200);
    ck_assert_ptr_nonnull(strstr(state,
                                 "{\"name\":\"orders\",\"status\":\"ACTIVE\",\"open_shards\":4,\"shards\":"
                                 "[{\"id\":\"shardId-000000000000\",\"start\":\"0\""));
    ck_assert_ptr_nonnull(strstr(state, "{\"name\":\"h\",\"status\":\"ACTIVE\",\"open_shards\":1"));
    ck_assert_ptr_nonnull(strstr(state, "\"subscriptions\":[{\"endpoint\":\"http://127.0.0.1:"));
    alarms = aws("monitoring", GRANITE "DescribeAlarms", JSON_1_0, "{}", 200);
    ck_assert_ptr_nonnull(strstr(alarms, "\"AlarmName\":\"orders-IncomingBytes\""));
    ck_assert_ptr_nonnull(strstr(alarms,
                                 "\"Threshold\":201326592,\"ComparisonOperator\":"
                                 "\"GreaterThanOrEqualToThreshold\",\"TreatMissingData\":\"notBreaching\""));
    ck_assert_ptr_nonnull(strstr(alarms, "\"Threshold\":192000,"));
    ck_assert_ptr_nonnull(strstr(alarms, "\"Threshold\":0,\"ComparisonOperator\":\"GreaterThanThreshold\""));
    shards = aws("kinesis", KINESIS "DescribeStreamSummary", JSON_1_1, "{\"StreamName\":\"orders\"}", 200);
    ck_assert_ptr_nonnull(strstr(shards, "\"ShardLevelMetrics\":[\"IncomingBytes\",\"IncomingRecords\","));
    loopback_stop(endpoint);
}
END_TEST

static const struct {
    const char *path, *body;
    long status;
    const char *answer;
} traffics[] = {
    {"/sim/traffic/orders", "load=constant%3A2M&record_bytes=512&keys=uniform", 200, "ok\n"},
    {"/sim/traffic/orders", "load=constant:2M", 200, "ok\n"},
    {"/sim/traffic/orders", "record_bytes=512", 400, "load is missing\n"},
    {"/sim/traffic/orders", "load=constant:2M&record_bytes=many", 400,
     "record_bytes must be a number, not 'many'\n"},
    {"/sim/traffic/orders", "load=flood", 400, NULL},
    {"/sim/traffic/none", "load=constant:2M", 404, NULL},
};

START_TEST(traffic_can_be_set_from_outside)
{
    SCOPED(free_text) char *text = NULL;

    options.scene = scene_file("stream orders\n");
    start();
    ck_assert_int_eq(fetch("PUT", traffics[_i].path, NULL, traffics[_i].body, &text), traffics[_i].status);
    if (traffics[_i].answer != NULL)
        ck_assert_str_eq(text, traffics[_i].answer);
    if (traffics[_i].status == 200) {
        SCOPED(free_text) char *state = NULL;

        clock_sleep_ms(clock_system(), 130000 / SPEED);
        ck_assert_int_eq(fetch("GET", "/sim/state", NULL, NULL, &state), 200);
        ck_assert_ptr_null(strstr(state, "\"offered_bytes\":0,"));
    }
}
END_TEST

START_TEST(the_last_requests_can_be_read)
{
    SCOPED(free_text) char *text = NULL;
    size_t lines = 0;

    options.sim.check_signatures = false;
    start();
    free(aws("kinesis", KINESIS "DescribeStreamSummary", JSON_1_1, "{\"StreamName\":\"none\"}", 400));
    free(aws("kinesis", KINESIS "Fly", JSON_1_1, "{}", 400));
    ck_assert_int_eq(fetch("GET", "/sim/requests", NULL, NULL, &text), 200);
    ck_assert_ptr_nonnull(
        strstr(text, "\",\"service\":\"kinesis\",\"operation\":\"DescribeStreamSummary\",\"status\":"
                     "400,\"error\":\"ResourceNotFoundException\"}\n{\"time\":\""));
    ck_assert(
        text_ends_with(text, "\"operation\":\"\",\"status\":400,\"error\":\"UnknownOperationException\"}\n"));
    free(take_text(&text));

    sim = sim_server_sim(server);
    for (int i = 0; i < 10005; i++)
        (void)json(KINESIS "DescribeLimits", "{}");
    buffer_clear(&response.body);
    ck_assert_int_eq(fetch("GET", "/sim/requests", NULL, NULL, &text), 200);
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    ck_assert_uint_eq(lines, 10000);
    ck_assert_ptr_null(strstr(text, "DescribeStreamSummary"));
}
END_TEST

/* ---- where it listens */

START_TEST(an_address_in_use_is_an_error)
{
    struct sim_server *second = NULL;
    char listen[32];

    start();
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", sim_server_port(server));
    options.listen = listen;
    ck_assert_int_eq(sim_server_start(&options, &second, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_ptr_null(second);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_server");
    TCase *tcase = tcase_create("server");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, prepare, tidy_up);
    tcase_add_loop_test(tcase, messages_arrive_signed_and_with_aws_headers, 1, 3);
    tcase_add_test(tcase, messages_name_the_public_address);
    tcase_add_test(tcase, the_certificate_outlives_simulated_time);
    tcase_add_loop_test(tcase, only_server_errors_are_tried_again, 0, COUNT_OF(endings));
    tcase_add_loop_test(tcase, a_self_signed_endpoint_needs_leave, 0, 2);
    tcase_add_test(tcase, stopping_does_not_wait_for_a_slow_endpoint);
    tcase_add_test(tcase, a_signed_request_over_http_passes_and_time_goes_by);
    tcase_add_test(tcase, answers_carry_the_headers_of_aws);
    tcase_add_test(tcase, a_scene_is_there_from_the_start);
    tcase_add_loop_test(tcase, traffic_can_be_set_from_outside, 0, COUNT_OF(traffics));
    tcase_add_test(tcase, the_last_requests_can_be_read);
    tcase_add_test(tcase, an_address_in_use_is_an_error);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
