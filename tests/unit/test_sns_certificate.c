#include "sns_support.h"
#include "support.h"

#include "base/date.h"
#include "base/memory.h"

#include <pthread.h>

START_TEST(a_certificate_is_fetched_once)
{
    struct error err;

    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(verify_made(sns.our_key, &usual, &err), 0);
    sns.clock.ms += HOUR_MS / 2;
    ck_assert_int_eq(verify_made(sns.our_key, &usual, &err), 0);
    ck_assert_int_eq(sns.web.calls, 1);
    ck_assert_uint_eq(sns_verifier_certificate_fetches(sns.verifier), 1);
}
END_TEST

START_TEST(a_certificate_serves_on_its_days_only)
{
    struct made_certificate wanted = {.common_name = "sns.amazonaws.com"};
    const char *saying = _i == 0 ? "it has expired" : "it is not valid yet";
    struct error err;
    char *pem, *body = make_message(sns.our_key, &usual);

    wanted.from_ms = _i == 0 ? sns.now_ms - DAY_MS : sns.now_ms + 2000;
    wanted.to_ms = _i == 0 ? sns.now_ms - 2000 : sns.now_ms + DAY_MS;
    pem = make_certificate(sns.our_key, &wanted);
    sns.web.page = pem;
    refused("days", body, NOTIFICATION, ERROR_INPUT, saying);
    /* The dates are looked at each time: what is kept does not stay good, or bad. */
    sns.clock.ms += _i == 0 ? -60 * 1000 : 60 * 1000;
    ck_assert_msg(verify_body(body, NOTIFICATION, &err) == 0, "%s", err.message);
    sns.clock.ms = sns.now_ms;
    refused("days", body, NOTIFICATION, ERROR_INPUT, saying);
    ck_assert_int_eq(sns.web.calls, 1);
    free(pem);
    free(body);
}
END_TEST

static const struct {
    const char *region, *suffix, *name;
} places[] = {
    {"eu-west-1", "amazonaws.com", "sns.amazonaws.com"},
    {"us-east-1", "amazonaws.com", "sns.amazonaws.com"},
    {"ap-southeast-2", "amazonaws.com", "sns.amazonaws.com"},
    {"eu-central-1", "amazonaws.com", "sns.amazonaws.com"},
    {"ap-east-1", "amazonaws.com", "sns-signing.ap-east-1.amazonaws.com"},
    {"ap-southeast-7", "amazonaws.com", "sns-signing.ap-southeast-7.amazonaws.com"},
    {"eu-central-2", "amazonaws.com", "sns-signing.eu-central-2.amazonaws.com"},
    {"me-south-1", "amazonaws.com", "sns-signing.me-south-1.amazonaws.com"},
    {"mx-central-1", "amazonaws.com", "sns-signing.mx-central-1.amazonaws.com"},
    {"cn-north-1", "amazonaws.com.cn", "sns-cn-north-1.amazonaws.com.cn"},
    {"cn-northwest-1", "amazonaws.com.cn", "sns-cn-northwest-1.amazonaws.com.cn"},
    {"us-gov-west-1", "amazonaws.com", "sns-us-gov-west-1.amazonaws.com"},
    {"us-gov-east-1", "amazonaws.com", "sns-us-gov-west-1.amazonaws.com"},
    {"eusc-de-east-1", "amazonaws.eu", "sns-signing.eusc-de-east-1.amazonaws.eu"},
};

START_TEST(each_region_has_its_own_host_and_name)
{
    char *topic = must_printf("arn:aws:sns:%s:123456789012:t", places[_i].region);
    char *url = must_printf("https://sns.%s.%s/a.pem", places[_i].region, places[_i].suffix);
    const char *const arns[] = {topic};
    struct made_message wanted = usual;
    struct error err;

    wanted.topic = topic;
    wanted.url = url;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct made_certificate made = {.common_name = wrong ? "sns.evil.com" : places[_i].name,
                                        .from_ms = sns.now_ms - DAY_MS,
                                        .to_ms = sns.now_ms + DAY_MS};
        char *pem = make_certificate(sns.our_key, &made);

        sns_begin(arns, 1);
        sns.web.page = pem;
        if (wrong)
            refused_made(places[_i].region, &wanted, places[_i].name);
        else
            ck_assert_msg(verify_made(sns.our_key, &wanted, &err) == 0, "%s", err.message);
        free(pem);
    }
    free(url);
    free(topic);
}
END_TEST

#define NUL_NAME "sns.amazonaws.com\0.evil.com"
static const struct {
    const char *what;
    const char *common_name;
    size_t length;
    const char *alternative_name;
    bool good;
} names[] = {
    {"alternative name", "SNS", 0, "DNS:example.com,DNS:sns.amazonaws.com", true},
    {"name behind a NUL", NUL_NAME, sizeof(NUL_NAME) - 1, NULL, false},
    {"longer name", "sns.amazonaws.com.evil.com", 0, NULL, false},
    {"shorter name", "sns.amazonaws.co", 0, NULL, false},
    {"wildcard", "*.amazonaws.com", 0, "DNS:*.amazonaws.com", false},
    {"address as alternative name", "x", 0, "email:sns@sns.amazonaws.com", false},
    {"another region's", "sns-signing.ap-east-1.amazonaws.com", 0, NULL, false},
};

START_TEST(a_certificate_must_bear_the_name)
{
    struct made_certificate made = {names[_i].common_name, names[_i].length, names[_i].alternative_name,
                                    sns.now_ms - DAY_MS, sns.now_ms + DAY_MS};
    char *pem = make_certificate(sns.our_key, &made);
    struct error err;

    sns.web.page = pem;
    if (names[_i].good)
        ck_assert_msg(verify_made(sns.our_key, &usual, &err) == 0, "%s: %s", names[_i].what, err.message);
    else
        refused_made(names[_i].what, &usual, "it is not made out to 'sns.amazonaws.com'");
    free(pem);
}
END_TEST

START_TEST(a_certificate_has_one_name_to_choose_from)
{
    struct made_certificate made = {.common_name = "sns.amazonaws.com",
                                    .second_name = "sns.evil.com",
                                    .from_ms = sns.now_ms - DAY_MS,
                                    .to_ms = sns.now_ms + DAY_MS};
    char *pem = make_certificate(sns.our_key, &made);

    sns.web.page = pem;
    refused_made("two names", &usual, "it is not made out to 'sns.amazonaws.com'");
    free(pem);
}
END_TEST

START_TEST(a_key_must_be_rsa_of_2048_bits)
{
    struct made_certificate made = {
        .common_name = "sns.amazonaws.com", .from_ms = sns.now_ms - DAY_MS, .to_ms = sns.now_ms + DAY_MS};
    EVP_PKEY *key = _i == 0 ? sns.weak_key : make_ec_key();
    char *pem = make_certificate(key, &made);
    char *body = make_message(key, &usual);

    sns.web.page = pem;
    refused("key", body, NOTIFICATION, ERROR_INPUT, "no RSA key of at least 2048 bits");
    free(body);
    free(pem);
    if (_i != 0)
        EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_page_must_be_exactly_one_certificate)
{
    char *two = must_printf("%s%s", sns.our_pem, sns.our_pem);
    char *before = must_printf("hello\n%s", sns.our_pem);
    char *behind = must_printf("%shello", sns.our_pem);
    char *damaged = must_strdup(sns.our_pem);
    char *pages[] = {two, before, behind, damaged};
    static const char *const others[] = {"", "<html>", "-----BEGIN CERTIFICATE-----\n",
                                         "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                                         "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"};

    memset(damaged + 100, 'A', 64);
    for (size_t i = 0; i < COUNT_OF(pages) + COUNT_OF(others); i++) {
        sns.web.page = i < COUNT_OF(pages) ? pages[i] : others[i - COUNT_OF(pages)];
        sns_begin(NULL, 0);
        refused_made(sns.web.page, &usual, "signing certificate: ");
    }
    sns.web.page = sns.our_pem;
    sns.web.page_length = strlen(sns.our_pem) + 1; /* its '\0' too */
    sns_begin(NULL, 0);
    refused_made("nul", &usual, "not exactly one PEM certificate");
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        free(pages[i]);
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
    sns.web.status = 302;
    sns.web.page = "";
    refused_made("redirect", &usual, "redirect (302)");
    ck_assert_int_eq(sns.web.calls, 1);
}
END_TEST

static const struct {
    int status;
    enum error_kind failure, kind;
} outages[] = {
    {404, ERROR_NONE, ERROR_TRANSIENT},   {403, ERROR_NONE, ERROR_TRANSIENT},
    {500, ERROR_NONE, ERROR_TRANSIENT},   {200, ERROR_TRANSIENT, ERROR_TRANSIENT},
    {200, ERROR_CONFIG, ERROR_TRANSIENT}, {200, ERROR_INPUT, ERROR_INPUT},
};

START_TEST(a_certificate_that_cannot_be_fetched_now_is_asked_for_again_a_little_later)
{
    char *body = make_message(sns.our_key, &usual);
    struct error err;

    sns.web.status = outages[_i].status;
    sns.web.failure = outages[_i].failure;
    refused("outage", body, NOTIFICATION, outages[_i].kind, "signing certificate: ");
    refused("outage", body, NOTIFICATION, outages[_i].kind, "signing certificate: ");
    ck_assert_int_eq(sns.web.calls, 1);
    sns.web.status = 200;
    sns.web.failure = ERROR_NONE;
    refused("outage", body, NOTIFICATION, outages[_i].kind, "signing certificate: ");
    ck_assert_int_eq(sns.web.calls, 1);
    sns.clock.ms += outages[_i].kind == ERROR_TRANSIENT ? 10 * 1000 : 60 * 1000;
    ck_assert_msg(verify_body(body, NOTIFICATION, &err) == 0, "%s", err.message);
    ck_assert_int_eq(sns.web.calls, 2);
    free(body);
}
END_TEST

static int verify_at(const char *url, struct error *err)
{
    struct made_message wanted = usual;

    wanted.url = url;
    return verify_made(sns.our_key, &wanted, err);
}

#define STRANGE HOST "/Strange-"
#define LIKELY HOST "/SimpleNotificationService-"

/* A message with a name that nobody has heard of; signed once, as the name is not. */
static int verify_made_up(const char *start, unsigned number, struct error *err)
{
    static const char name[] = "0123456789abcdef0123456789abcdef.pem";
    static char *body;
    char *made, *end;
    int result;

    if (body == NULL)
        body = make_message(sns.our_key, &usual);
    end = strstr(body, name);
    ck_assert_ptr_nonnull(end);
    made = must_printf("%.*s%s%032x.pem%s", (int)(strstr(body, HOST) - body), body, start, number,
                       end + strlen(name));
    result = verify_body(made, NOTIFICATION, err);
    free(made);
    return result;
}

static const struct {
    const char *start;
    int fetches;
} made_up[] = {{STRANGE, 2}, {LIKELY, 4}};

START_TEST(made_up_addresses_cause_few_fetches_and_push_out_nothing)
{
    struct error err;

    ck_assert_int_eq(verify_at(URL, &err), 0);
    sns.web.page = "not here";
    for (int minute = 0; minute < 5; minute++) {
        sns.clock.ms += 60 * 1000;
        for (int i = 0; i < 100; i++)
            ck_assert_int_lt(verify_made_up(made_up[_i].start, (unsigned)(100 * minute + i), &err), 0);
        ck_assert_int_eq(sns.web.calls, 1 + made_up[_i].fetches * (minute + 1));
    }
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT); /* ours: a genuine one may be among them */
    ck_assert_ptr_nonnull(strstr(err.message, "were fetched within a minute"));
    ck_assert_int_eq(verify_at(URL, &err), 0);
    ck_assert_int_eq(sns.web.calls, 1 + made_up[_i].fetches * 5);
}
END_TEST

/* New names, names that come again, at any moment: a quarter of an hour of both, twenty a second. */
START_TEST(in_no_minute_are_more_than_six_fetched)
{
    enum { STEP_MS = 50, STEPS = 20 * 60 * 15 };
    int64_t last_ms[6] = {0};
    int calls = 0, fetches = 0;
    struct error err;

    sns.web.page = "not here";
    sns.clock.ms = sns.now_ms - 10 * 60 * 1000; /* the message's time is in the middle */
    for (unsigned i = 0; i < STEPS; i++) {
        sns.clock.ms += STEP_MS;
        (void)verify_made_up(made_up[i % 2].start, i % 3 == 0 ? i : i % 700, &err);
        if (sns.web.calls == calls)
            continue;
        calls = sns.web.calls;
        ck_assert_int_ge(sns.clock.ms - last_ms[fetches % 6], 60 * 1000);
        last_ms[fetches++ % 6] = sns.clock.ms;
    }
    ck_assert_int_gt(fetches, 50);
    ck_assert_uint_eq(sns_verifier_certificate_fetches(sns.verifier), (uint64_t)fetches);
}
END_TEST

START_TEST(a_likely_name_goes_before_strange_ones)
{
    const char *page = sns.web.page;
    struct error err;

    sns.web.page = "not here";
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_int_lt(verify_made_up(STRANGE, i, &err), 0);
    sns.web.page = page;
    ck_assert_msg(verify_at(URL, &err) == 0, "%s", err.message);
}
END_TEST

/* SNS signs with a new certificate while somebody makes names up, as likely as any, at 500 a second. */
START_TEST(a_name_that_comes_again_goes_before_all_that_do_not)
{
    const char *page = sns.web.page;
    unsigned number = 0;
    struct error err;
    int rounds = 0;

    ck_assert_int_eq(verify_at(URL, &err), 0);
    for (; rounds < 12; rounds++) {
        for (int ms = 0; ms < 20 * 1000; ms += 2) { /* SNS comes back after this */
            sns.clock.ms += 2;
            sns.web.page = "not here";
            ck_assert_int_lt(verify_made_up(LIKELY, number++, &err), 0);
        }
        sns.web.page = page;
        if (verify_at(HOST "/SimpleNotificationService-fedcba9876543210fedcba9876543210.pem", &err) == 0)
            break;
        ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
        ck_assert_int_eq(verify_at(URL, &err), 0); /* meanwhile the old one serves */
    }
    ck_assert_int_ge(rounds, 1);
    ck_assert_int_lt(rounds, 12);
}
END_TEST

START_TEST(names_that_are_not_there_do_not_come_before_others_for_ever)
{
    const char *page = sns.web.page;
    struct error err;

    sns.web.page = "not here";
    for (int s = 0; s < 600; s++) {
        sns.clock.ms += 1000;
        for (unsigned i = 0; i < 8; i++)
            ck_assert_int_lt(verify_made_up(STRANGE, i, &err), 0);
    }
    sns.web.page = page;
    ck_assert_msg(verify_at(URL, &err) == 0, "%s", err.message);
}
END_TEST

/* Certificates that SNS signed with in other years are there for everybody to name. */
START_TEST(what_a_signature_has_matched_is_kept_before_what_was_only_fetched)
{
    char *forged;
    struct error err;

    ck_assert_int_eq(verify_at(URL, &err), 0);
    for (unsigned i = 0; i < 20; i++) {
        struct made_message wanted = usual;
        char url[128];

        snprintf(url, sizeof(url), LIKELY "%032x.pem", i);
        wanted.url = url;
        forged = make_message(sns.foreign_key, &wanted);
        sns.clock.ms += 60 * 1000;
        ck_assert_int_lt(verify_body(forged, NOTIFICATION, &err), 0);
        ck_assert_ptr_nonnull(strstr(err.message, "the signature does not match"));
        free(forged);
    }
    ck_assert_int_eq(sns.web.calls, 21);
    ck_assert_int_eq(verify_at(URL, &err), 0);
    ck_assert_int_eq(sns.web.calls, 21);
}
END_TEST

START_TEST(who_must_not_wait_is_told_that_a_certificate_is_unknown)
{
    char *body = make_message(sns.our_key, &usual);
    struct sns_message message = {0};
    struct error err;

    for (int known = 0; known < 2; known++) {
        bool unknown = false;
        int result =
            sns_verify(sns.verifier, body, strlen(body), NOTIFICATION, false, &unknown, &message, &err);

        ck_assert_int_eq(result, known ? 0 : -1);
        ck_assert(unknown == !known);
        ck_assert_int_eq(sns.web.calls, known ? 1 : 0);
        if (!known)
            ck_assert_int_eq(verify_body(body, NOTIFICATION, &err), 0);
    }
    sns_message_clear(&message);
    free(body);
}
END_TEST

/* What was spent of a minute, or failed, by a clock that was ahead keeps no genuine message waiting. */
START_TEST(a_clock_that_is_set_back_keeps_no_certificate_from_being_fetched)
{
    const char *page = sns.web.page;
    struct error err;

    sns.clock.ms += HOUR_MS;
    sns.web.page = "no certificate";
    for (int i = 0; i < 20; i++) {
        char *url = must_printf(HOST "/%d.pem", i);

        ck_assert_int_lt(verify_at(url, &err), 0);
        free(url);
    }
    sns.web.page = page;
    ck_assert_int_lt(verify_at(HOST "/x.pem", &err), 0);
    sns.clock.ms -= HOUR_MS;
    ck_assert_msg(verify_at(HOST "/0.pem", &err) == 0, "%s", err.message);
    ck_assert_msg(verify_at(HOST "/x.pem", &err) == 0, "%s", err.message);
}
END_TEST

START_TEST(of_many_certificates_those_in_use_are_kept)
{
    struct error err;

    for (int i = 0; i < 30; i++) {
        char *url = must_printf(HOST "/%d.pem", i);

        sns.clock.ms += 60 * 1000;
        ck_assert_msg(verify_at(url, &err) == 0, "%s", err.message);
        sns.clock.ms += 1;
        ck_assert_msg(verify_at(URL, &err) == 0, "%s", err.message);
        free(url);
    }
    ck_assert_int_eq(sns.web.calls, 31);
}
END_TEST

START_TEST(an_endpoint_of_ones_own_is_where_certificates_come_from)
{
    static const char *const elsewhere[] = {URL,
                                            "http://127.0.0.1:4567/a.pem",
                                            "https://127.0.0.1:4566/a.pem",
                                            "http://127.0.0.1:45660/a.pem",
                                            "http://127.0.0.1/a.pem",
                                            "http://127.0.0.1:4566@evil.com/a.pem"};
    const char *const arns[] = {"arn:aws:sns:af-south-1:123456789012:t"};
    struct made_message wanted = usual;
    struct error err;

    sns.override = "http://127.0.0.1:4566";
    wanted.topic = arns[0];
    wanted.url = "http://127.0.0.1:4566/a.pem";
    sns_begin(arns, 1);
    /* The region wants sns-signing.af-south-1.amazonaws.com; a local SNS may sign as sns.amazonaws.com. */
    ck_assert_msg(verify_made(sns.our_key, &wanted, &err) == 0, "%s", err.message);
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++) {
        wanted.url = elsewhere[i];
        refused_made(elsewhere[i], &wanted, "'SigningCertURL'");
    }
    ck_assert_int_eq(sns.web.calls, 1);
}
END_TEST

static void *verify_in_thread(void *body)
{
    struct error err;

    for (int i = 0; i < 10; i++) {
        if (verify_body(body, NOTIFICATION, &err) < 0)
            return body;
    }
    return NULL;
}

START_TEST(many_threads_fetch_a_certificate_once)
{
    char *body = make_message(sns.our_key, &usual);
    pthread_t threads[8];
    void *failed;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, verify_in_thread, body), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(sns.web.calls, 1);
    free(body);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sns_certificate");
    TCase *tcase = tcase_create("sns_certificate");

    tcase_add_checked_fixture(tcase, sns_set_up, sns_tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_certificate_is_fetched_once);
    tcase_add_loop_test(tcase, a_certificate_serves_on_its_days_only, 0, 2);
    tcase_add_loop_test(tcase, each_region_has_its_own_host_and_name, 0, COUNT_OF(places));
    tcase_add_loop_test(tcase, a_certificate_must_bear_the_name, 0, COUNT_OF(names));
    tcase_add_test(tcase, a_certificate_has_one_name_to_choose_from);
    tcase_add_loop_test(tcase, a_key_must_be_rsa_of_2048_bits, 0, 2);
    tcase_add_test(tcase, a_page_must_be_exactly_one_certificate);
    tcase_add_test(tcase, a_redirect_is_not_followed);
    tcase_add_loop_test(tcase, a_certificate_that_cannot_be_fetched_now_is_asked_for_again_a_little_later, 0,
                        COUNT_OF(outages));
    tcase_add_loop_test(tcase, made_up_addresses_cause_few_fetches_and_push_out_nothing, 0,
                        COUNT_OF(made_up));
    tcase_add_test(tcase, in_no_minute_are_more_than_six_fetched);
    tcase_add_test(tcase, a_likely_name_goes_before_strange_ones);
    tcase_add_test(tcase, a_name_that_comes_again_goes_before_all_that_do_not);
    tcase_add_test(tcase, names_that_are_not_there_do_not_come_before_others_for_ever);
    tcase_add_test(tcase, what_a_signature_has_matched_is_kept_before_what_was_only_fetched);
    tcase_add_test(tcase, who_must_not_wait_is_told_that_a_certificate_is_unknown);
    tcase_add_test(tcase, a_clock_that_is_set_back_keeps_no_certificate_from_being_fetched);
    tcase_add_test(tcase, of_many_certificates_those_in_use_are_kept);
    tcase_add_test(tcase, an_endpoint_of_ones_own_is_where_certificates_come_from);
    tcase_add_test(tcase, many_threads_fetch_a_certificate_once);
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return sns_run(suite());
}
