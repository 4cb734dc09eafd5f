#include "credentials_support.h"
#include "support.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <pthread.h>

enum { MINUTE_MS = 60 * 1000 };

/* ---- the environment, and the order of the chain */

#define STATIC_KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = " SECRET "\n"
#define DOCUMENT(id, until)                                                                                  \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"" SECRET "\",\"Token\":\"" TOKEN \
    "\",\"Expiration\":\"" until "\"}"
#define IMDS "http://169.254.169.254/latest/"
#define IMDS_KEYS(id, until)                                                                  \
    {.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},                 \
        {.method = "GET",                                                                     \
         .url = IMDS "meta-data/iam/security-credentials/",                                   \
         .header = "X-aws-ec2-metadata-token: t",                                             \
         .status = 200,                                                                       \
         .answer = "role"},                                                                   \
    {                                                                                         \
        .method = "GET", .url = IMDS "meta-data/iam/security-credentials/role",               \
        .header = "X-aws-ec2-metadata-token: t", .status = 200, .answer = DOCUMENT(id, until) \
    }

START_TEST(the_environment_gives_keys)
{
    struct credentials credentials = {0};

    world_setenv("AWS_ACCESS_KEY_ID", "AKIAENV");
    world_setenv("AWS_SECRET_ACCESS_KEY", SECRET);
    world_get("AKIAENV", &credentials);
    ck_assert_str_eq(credentials.secret_access_key, SECRET);
    ck_assert_ptr_null(credentials.session_token);
    ck_assert_int_eq(credentials.expires_ms, INT64_MAX);
    credentials_clear(&credentials);

    world_setenv("AWS_SESSION_TOKEN", TOKEN);
    world_get("AKIAENV", &credentials);
    ck_assert_str_eq(credentials.session_token, TOKEN);
    credentials_clear(&credentials);
}
END_TEST

static const struct {
    const char *id, *secret, *token, *saying;
} half_keys[] = {
    {"AKIAENV", "", "", "credentials: environment: AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY"},
    {"AKIA ENV", SECRET, "", "the access key id is too long or has blanks"},
    {"AKIAENV", SECRET "\n", "", "the secret access key is too long or has blanks"},
    {"AKIAENV", SECRET, TOKEN " ", "the session token is too long or has blanks"},
    {"AKIA\xc3\x84NV", SECRET, "", "the access key id"},
};

START_TEST(keys_that_cannot_be_keys_end_the_chain)
{
    world_setenv("AWS_ACCESS_KEY_ID", half_keys[_i].id);
    world_setenv("AWS_SECRET_ACCESS_KEY", half_keys[_i].secret);
    world_setenv("AWS_SESSION_TOKEN", half_keys[_i].token);
    world_credentials("[default]\n" STATIC_KEYS("AKIAFILE"));
    world_fail(ERROR_CONFIG, half_keys[_i].saying);
}
END_TEST

/*
 * All sources are set up; each test takes one away, and the next answers.  Where AWS's tools differ
 * (web identity of the environment against a profile's keys) this is the order of the AWS CLI.
 */
static const struct exchange role_from_environment[] = {
    {.method = "POST",
     .url = "https://sts.eu-west-1.amazonaws.com/",
     .key = "AKIAENV2",
     .body = "Action=AssumeRole&",
     .status = 200,
     .answer = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIAROLE</AccessKeyId>"
               "<SecretAccessKey>" SECRET "</SecretAccessKey><SessionToken>" TOKEN "</SessionToken>"
               "<Expiration>2026-11-21T09:00:00Z</Expiration></Credentials></AssumeRoleResult>"
               "</AssumeRoleResponse>"},
    {0}};
#define WEB_IDENTITY_ANSWER                                                                               \
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"                   \
    "<AccessKeyId>AKIAWEB</AccessKeyId><SecretAccessKey>" SECRET "</SecretAccessKey><SessionToken>" TOKEN \
    "</SessionToken><Expiration>2026-11-21T09:00:00Z</Expiration></Credentials>"                          \
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
static const struct exchange web_environment[] = {
    {.method = "POST",
     .url = "https://sts.eu-west-1.amazonaws.com/",
     .key = "",
     .body = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fenvironment&",
     .status = 200,
     .answer = WEB_IDENTITY_ANSWER},
    {0}};
static const struct exchange web_profile[] = {
    {.method = "POST",
     .url = "https://sts.eu-west-1.amazonaws.com/",
     .key = "",
     .body = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fprofile&",
     .status = 200,
     .answer = WEB_IDENTITY_ANSWER},
    {0}};
static const struct exchange container[] = {{.method = "GET",
                                             .url = "http://169.254.170.2/role",
                                             .status = 200,
                                             .answer = DOCUMENT("AKIACONTAINER", "2026-11-21T14:00:00Z")},
                                            {0}};
static const struct exchange instance[] = {IMDS_KEYS("AKIAINSTANCE", "2026-11-21T14:00:00Z"), {0}};

static const struct {
    const char *key;
    const char *source;
    const struct exchange *exchanges;
} order[] = {
    {"AKIAENV", "environment", NULL},
    {"AKIAROLE", "role of profile 'default'", role_from_environment},
    {"AKIAWEB", "web identity", web_environment},
    {"AKIAWEB", "web identity of profile 'default'", web_profile},
    {"AKIAFILE", "credentials file 'default'", NULL},
    {"AKIAPROCESS", "credential_process 'default'", NULL},
    {"AKIACONFIG", "config file 'default'", NULL},
    {"AKIACONTAINER", "container", container},
    {"AKIAINSTANCE", "instance metadata", instance},
};

/* The sources from number `first` on. */
static void set_up_sources(int first)
{
    char *token = must_printf("%s/token", world.home);
    char *process = must_printf("%s/process.json", world.home);
    bool web = first == 2 || first == 3;
    char *config = must_printf(
        "[default]\nregion = eu-west-1\n%s%s%s%s\n%s%s\n%s\n[profile keys]\n" STATIC_KEYS("AKIAENV2"),
        first <= 1 ? "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = keys\n" : "",
        web ? "role_arn = arn:aws:iam::123456789012:role/profile\n" : "",
        web ? "web_identity_token_file = " : "", web ? token : "",
        first <= 5 ? "credential_process = cat " : "", first <= 5 ? process : "",
        first <= 6 ? STATIC_KEYS("AKIACONFIG") : "");

    write_text(token, TOKEN "\n");
    write_text(process, "{\"Version\":1,\"AccessKeyId\":\"AKIAPROCESS\",\"SecretAccessKey\":\"" SECRET "\"}");
    world_config(config);
    world_credentials(first <= 4 ? "[default]\n" STATIC_KEYS("AKIAFILE") : "");
    world_setenv("AWS_ACCESS_KEY_ID", first <= 0 ? "AKIAENV" : "");
    world_setenv("AWS_SECRET_ACCESS_KEY", first <= 0 ? SECRET : "");
    world_setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/environment");
    world_setenv("AWS_WEB_IDENTITY_TOKEN_FILE", first <= 2 ? token : "");
    world_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", first <= 7 ? "/role" : "");
    world_setenv("AWS_EC2_METADATA_DISABLED", "");
    free(config);
    free(process);
    free(token);
}

START_TEST(the_first_source_that_is_set_up_serves)
{
    struct credentials_provider *provider;
    struct credentials credentials = {0};
    struct error err;

    set_up_sources(_i);
    world_answer(order[_i].exchanges);
    provider = credentials_provider_new(&world.options, &world.transport, &world.clock.clock);
    ck_assert_msg(credentials_get(provider, &credentials, &err) == 0, "%s", err.message);
    ck_assert_str_eq(credentials.access_key_id, order[_i].key);
    ck_assert_str_eq(credentials.source, order[_i].source);
    credentials_clear(&credentials);
    credentials_provider_free(provider);
}
END_TEST

START_TEST(a_profile_that_is_asked_for_goes_before_the_environment)
{
    struct credentials credentials = {0};

    world_setenv("AWS_ACCESS_KEY_ID", "AKIAENV");
    world_setenv("AWS_SECRET_ACCESS_KEY", SECRET);
    world_setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent");
    world_credentials("[default]\n" STATIC_KEYS("AKIADEFAULT") "[asked]\n" STATIC_KEYS("AKIAASKED"));
    world.options.profile = "asked";
    world_get("AKIAASKED", &credentials);
    credentials_clear(&credentials);
    world.options.profile = "";
    world_get("AKIAENV", &credentials);
    credentials_clear(&credentials);
}
END_TEST

START_TEST(the_environment_may_name_the_profile_but_its_own_keys_go_first)
{
    struct credentials credentials = {0};

    world_credentials(
        "[default]\n" STATIC_KEYS("AKIADEFAULT") "[a]\n" STATIC_KEYS("AKIAA") "[b]\n" STATIC_KEYS("AKIAB"));
    world_get("AKIADEFAULT", &credentials);
    credentials_clear(&credentials);
    world_setenv("AWS_DEFAULT_PROFILE", "a");
    world_get("AKIAA", &credentials);
    credentials_clear(&credentials);
    world_setenv("AWS_PROFILE", "b");
    world_get("AKIAB", &credentials);
    credentials_clear(&credentials);
    world_setenv("AWS_ACCESS_KEY_ID", "AKIAENV");
    world_setenv("AWS_SECRET_ACCESS_KEY", SECRET);
    world_get("AKIAENV", &credentials);
    credentials_clear(&credentials);
}
END_TEST

START_TEST(a_profile_that_was_named_must_exist)
{
    world_credentials("[default]\n" STATIC_KEYS("AKIADEFAULT"));
    world_setenv("AWS_PROFILE", "typo");
    world_fail(ERROR_CONFIG, "there is no profile 'typo'");
    world.options.profile = "other";
    world_fail(ERROR_CONFIG, "there is no profile 'other'");
}
END_TEST

START_TEST(when_nothing_serves_each_source_says_why)
{
    struct credentials_provider *provider =
        credentials_provider_new(&world.options, &world.transport, &world.clock.clock);
    struct credentials credentials = {0};
    struct error err;

    ck_assert_int_lt(credentials_get(provider, &credentials, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_AUTH);
    ck_assert_str_eq(err.message, "no credentials: environment: AWS_ACCESS_KEY_ID is not set; "
                                  "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; "
                                  "container: no AWS_CONTAINER_CREDENTIALS_ variable; "
                                  "instance metadata: AWS_EC2_METADATA_DISABLED is true; "
                                  "profile 'default': no role_arn, no web_identity_token_file, no sign-in, "
                                  "no aws_access_key_id, "
                                  "no credential_process");
    (void)error_wrap(&err, "%s: %s '%064d'", /* as `backtest` says it of a stream with a long name */
                     "the history needs credentials that may call kinesis:DescribeStreamSummary",
                     "DescribeStreamSummary", 0);
    ck_assert(text_ends_with(err.message, "no aws_access_key_id, no credential_process"));
    credentials_provider_free(provider);
}
END_TEST

START_TEST(a_broken_file_is_named)
{
    world_config("[default]\n" SECRET "\n");
    world_fail(ERROR_CONFIG, "line 2: neither a section nor a key with a value");
}
END_TEST

/* ---- kept, renewed, rejected */

/* A container endpoint of its own: how often it was asked, what it says next. */
struct endpoint {
    struct transport transport;
    pthread_mutex_t mutex;
    int asked;
    int64_t expires_ms;
    bool down;
    /* When set: whoever asks waits until it is opened. */
    bool closed;
    pthread_cond_t opened;
};

static int send_keys(struct transport *self, const struct aws_request *request, struct aws_answer *ret_answer,
                     struct error *err)
{
    struct endpoint *endpoint = (struct endpoint *)self;
    char until[DATE_SIZE];
    int asked;

    pthread_mutex_lock(&endpoint->mutex);
    asked = ++endpoint->asked;
    while (endpoint->closed)
        pthread_cond_wait(&endpoint->opened, &endpoint->mutex);
    pthread_mutex_unlock(&endpoint->mutex);
    if (endpoint->down)
        return error_set(err, ERROR_TRANSIENT, "nobody there");
    date_format(endpoint->expires_ms, until);
    *ret_answer = (struct aws_answer){.status = 200};
    buffer_init(&ret_answer->body, request->answer_ceiling);
    return buffer_printf(&ret_answer->body, err,
                         "{\"AccessKeyId\":\"AKIA%d\",\"SecretAccessKey\":\"" SECRET
                         "\",\"Token\":\"t\",\"Expiration\":\"%s\"}",
                         asked, until);
}

static struct endpoint endpoint;
static struct credentials_provider *provider;

static void provider_set_up(void)
{
    world_set_up();
    endpoint = (struct endpoint){.transport = {send_keys}, .expires_ms = world.clock.ms + 60 * MINUTE_MS};
    pthread_mutex_init(&endpoint.mutex, NULL);
    pthread_cond_init(&endpoint.opened, NULL);
    world_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role");
    provider = credentials_provider_new(&world.options, &endpoint.transport, &world.clock.clock);
}

static void provider_tear_down(void)
{
    credentials_provider_free(provider);
    pthread_cond_destroy(&endpoint.opened);
    pthread_mutex_destroy(&endpoint.mutex);
    world_tear_down();
}

/* The number of the answer that is in use now; 0 for none. */
static int now_in_use(struct error *err)
{
    struct credentials credentials = {0};
    int number;

    if (credentials_get(provider, &credentials, err) < 0)
        return 0;
    number = (int)strtol(credentials.access_key_id + strlen("AKIA"), NULL, 10);
    credentials_clear(&credentials);
    return number;
}

START_TEST(nothing_is_asked_before_the_first_get_and_once_after_it)
{
    struct error err;

    ck_assert_int_eq(endpoint.asked, 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(now_in_use(&err), 1);
    world.clock.ms += 45 * MINUTE_MS - 1;
    ck_assert_int_eq(now_in_use(&err), 1);
    ck_assert_int_eq(endpoint.asked, 1);
}
END_TEST

START_TEST(keys_are_renewed_fifteen_minutes_ahead)
{
    struct error err;

    ck_assert_int_eq(now_in_use(&err), 1);
    world.clock.ms += 45 * MINUTE_MS;
    endpoint.expires_ms += 60 * MINUTE_MS;
    ck_assert_int_eq(now_in_use(&err), 2);
    ck_assert_int_eq(endpoint.asked, 2);
    world.clock.ms += 60 * MINUTE_MS - 1;
    ck_assert_int_eq(now_in_use(&err), 2);
}
END_TEST

START_TEST(a_refresh_that_brings_nothing_newer_is_not_made_again_at_once)
{
    struct error err;

    ck_assert_int_eq(now_in_use(&err), 1);
    world.clock.ms += 45 * MINUTE_MS;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(now_in_use(&err), 2);
    world.clock.ms += MINUTE_MS;
    ck_assert_int_eq(now_in_use(&err), 3);
}
END_TEST

START_TEST(a_failed_refresh_keeps_what_has_not_expired)
{
    struct error err = {0};

    ck_assert_int_eq(now_in_use(&err), 1);
    endpoint.down = true;
    world.clock.ms += 45 * MINUTE_MS;
    for (int minute = 0; minute < 15; minute++) {
        ck_assert_int_eq(now_in_use(&err), 1);
        ck_assert_int_eq(now_in_use(&err), 1);
        ck_assert_int_eq(endpoint.asked, 1 + 3 * (minute + 1)); /* three tries each, once a minute */
        world.clock.ms += MINUTE_MS;
    }
    ck_assert_int_eq(now_in_use(&err), 0); /* to the second */
    check_failure(&err, ERROR_TRANSIENT, "credentials: container: nobody there");
    endpoint.down = false;
    endpoint.expires_ms += 60 * MINUTE_MS;
    ck_assert_int_gt(now_in_use(&err), 1);
}
END_TEST

START_TEST(what_comes_expired_is_refused)
{
    struct error err = {0};

    endpoint.expires_ms = world.clock.ms;
    ck_assert_int_eq(now_in_use(&err), 0);
    check_failure(&err, ERROR_TRANSIENT, "what it gave had already expired");
    endpoint.expires_ms = world.clock.ms + 1000;
    ck_assert_int_gt(now_in_use(&err), 0);
}
END_TEST

START_TEST(rejected_keys_are_asked_for_again)
{
    struct error err = {0};

    ck_assert_int_eq(now_in_use(&err), 1);
    credentials_reject(provider, "AKIAOTHER");
    ck_assert_int_eq(now_in_use(&err), 1);
    credentials_reject(provider, "AKIA1");
    ck_assert_int_eq(now_in_use(&err), 2);
    credentials_reject(provider, "AKIA1"); /* late: somebody else's have come meanwhile */
    ck_assert_int_eq(now_in_use(&err), 2);
    credentials_reject(provider, "AKIA2");
    endpoint.down = true;
    ck_assert_int_eq(now_in_use(&err), 0);
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
}
END_TEST

START_TEST(keys_of_a_file_are_read_again_when_they_were_rejected)
{
    struct credentials credentials = {0};
    struct credentials_provider *files;
    struct error err;

    world_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
    world_credentials("[default]\n" STATIC_KEYS("AKIAOLD"));
    files = credentials_provider_new(&world.options, &endpoint.transport, &world.clock.clock);
    ck_assert_int_eq(credentials_get(files, &credentials, &err), 0);
    credentials_clear(&credentials);
    world_credentials("[default]\n" STATIC_KEYS("AKIANEW"));
    world.clock.ms += 1000LL * 24 * 60 * MINUTE_MS;
    ck_assert_int_eq(credentials_get(files, &credentials, &err), 0);
    ck_assert_str_eq(credentials.access_key_id, "AKIAOLD");
    credentials_clear(&credentials);
    credentials_reject(files, "AKIAOLD");
    ck_assert_int_eq(credentials_get(files, &credentials, &err), 0);
    ck_assert_str_eq(credentials.access_key_id, "AKIANEW");
    credentials_clear(&credentials);
    credentials_provider_free(files);
}
END_TEST

/* ---- many threads */

static void *get_in_thread(void *unused)
{
    struct error err;

    (void)unused;
    return (void *)(intptr_t)now_in_use(&err);
}

static void open_endpoint(void)
{
    pthread_mutex_lock(&endpoint.mutex);
    endpoint.closed = false;
    pthread_cond_broadcast(&endpoint.opened);
    pthread_mutex_unlock(&endpoint.mutex);
}

static void wait_until_asked(int times)
{
    for (;;) {
        int asked;

        pthread_mutex_lock(&endpoint.mutex);
        asked = endpoint.asked;
        pthread_mutex_unlock(&endpoint.mutex);
        if (asked >= times)
            return;
        clock_sleep_ms(clock_system(), 1);
    }
}

/* The endpoint is closed, so all that get in the meantime are there at once. */
static void get_at_once(pthread_t *threads, size_t count, int asked_before)
{
    endpoint.closed = true;
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, get_in_thread, NULL), 0);
    wait_until_asked(asked_before + 1);
    clock_sleep_ms(clock_system(), 50);
    open_endpoint();
}

START_TEST(many_threads_make_one_refresh_and_all_have_its_outcome)
{
    pthread_t threads[16];

    endpoint.down = _i != 0;
    get_at_once(threads, COUNT_OF(threads), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *number;

        pthread_join(threads[i], &number);
        ck_assert_int_eq((int)(intptr_t)number, _i == 0 ? 1 : 0);
    }
    if (_i == 0)
        ck_assert_int_eq(endpoint.asked, 1);
    else /* three tries; who came too late to share their failure makes his own */
        ck_assert_int_lt(endpoint.asked, 3 * (int)COUNT_OF(threads));
}
END_TEST

START_TEST(while_one_renews_the_others_use_what_is_still_good_for_ten_minutes)
{
    struct error err;
    pthread_t thread;
    void *number;

    ck_assert_int_eq(now_in_use(&err), 1);
    world.clock.ms += 46 * MINUTE_MS;
    endpoint.expires_ms += 60 * MINUTE_MS;
    endpoint.closed = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, get_in_thread, NULL), 0);
    wait_until_asked(2);
    ck_assert_int_eq(now_in_use(&err), 1); /* does not wait */
    open_endpoint();
    pthread_join(thread, &number);
    ck_assert_int_eq((int)(intptr_t)number, 2);
    ck_assert_int_eq(now_in_use(&err), 2);
}
END_TEST

START_TEST(with_less_than_ten_minutes_the_others_wait_for_the_new_ones)
{
    struct error err;
    pthread_t threads[4];

    ck_assert_int_eq(now_in_use(&err), 1);
    world.clock.ms += 51 * MINUTE_MS;
    endpoint.expires_ms += 60 * MINUTE_MS;
    get_at_once(threads, COUNT_OF(threads), 1);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *number;

        pthread_join(threads[i], &number);
        ck_assert_int_eq((int)(intptr_t)number, 2);
    }
    ck_assert_int_eq(endpoint.asked, 2);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("credentials");
    TCase *chain = tcase_create("chain");
    TCase *kept = tcase_create("kept");

    tcase_add_checked_fixture(chain, world_set_up, world_tear_down);
    tcase_add_test(chain, the_environment_gives_keys);
    tcase_add_loop_test(chain, keys_that_cannot_be_keys_end_the_chain, 0, COUNT_OF(half_keys));
    tcase_add_loop_test(chain, the_first_source_that_is_set_up_serves, 0, COUNT_OF(order));
    tcase_add_test(chain, a_profile_that_is_asked_for_goes_before_the_environment);
    tcase_add_test(chain, the_environment_may_name_the_profile_but_its_own_keys_go_first);
    tcase_add_test(chain, a_profile_that_was_named_must_exist);
    tcase_add_test(chain, when_nothing_serves_each_source_says_why);
    tcase_add_test(chain, a_broken_file_is_named);
    suite_add_tcase(all, chain);

    tcase_add_checked_fixture(kept, provider_set_up, provider_tear_down);
    tcase_set_timeout(kept, 30);
    tcase_add_test(kept, nothing_is_asked_before_the_first_get_and_once_after_it);
    tcase_add_test(kept, keys_are_renewed_fifteen_minutes_ahead);
    tcase_add_test(kept, a_refresh_that_brings_nothing_newer_is_not_made_again_at_once);
    tcase_add_test(kept, a_failed_refresh_keeps_what_has_not_expired);
    tcase_add_test(kept, what_comes_expired_is_refused);
    tcase_add_test(kept, rejected_keys_are_asked_for_again);
    tcase_add_test(kept, keys_of_a_file_are_read_again_when_they_were_rejected);
    tcase_add_loop_test(kept, many_threads_make_one_refresh_and_all_have_its_outcome, 0, 2);
    tcase_add_test(kept, while_one_renews_the_others_use_what_is_still_good_for_ten_minutes);
    tcase_add_test(kept, with_less_than_ten_minutes_the_others_wait_for_the_new_ones);
    suite_add_tcase(all, kept);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
