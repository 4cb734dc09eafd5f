#include "credentials_support.h"
#include "support.h"

#include "base/memory.h"

#define DOCUMENT(id)                                                                    \
    "{\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"" SECRET "\",\"Token\":\"" TOKEN \
    "\",\"Expiration\":\"2026-11-21T14:00:00Z\"}"

static void gets(const char *key)
{
    struct credentials credentials = {0};

    world_get(key, &credentials);
    credentials_clear(&credentials);
}

/* ---- container */

static const struct {
    const char *uri;
    bool good;
} uris[] = {
    {"https://credentials.example.com/x", true},
    {"HTTPS://example.com:8443/x?y=z", true},
    {"http://localhost/x", true},
    {"http://LOCALHOST:8080/x", true},
    {"http://127.0.0.1:9/x", true},
    {"http://127.1.2.3", true},
    {"http://[::1]/x", true},
    {"http://[::1]:80/x", true},
    {"http://169.254.170.2/x", true},
    {"http://169.254.170.23/v1/credentials", true},
    {"http://[fd00:ec2::23]/v1/credentials", true},
    {"http://[FD00:EC2::23]/v1/credentials", true},
    {"http://169.254.170.24/x", false},
    {"http://169.254.169.254/x", false},
    {"http://10.0.0.1/x", false},
    {"http://example.com/x", false},
    {"http://localhost.example.com/x", false},
    {"http://127.0.0.1.example.com/x", false},
    {"http://127.0.0.1@example.com/x", false},
    {"http://localhost:80@example.com/x", false},
    {"http://127.1/x", false},
    {"http://0/x", false},
    {"http://[::2]/x", false},
    {"http://[::1/x", false},
    {"http://[::1]evil.com/x", false},
    {"http://localhost:80x/x", false},
    {"http://localhost\\@evil.com/x", false},
    {"http:///x", false},
    {"https:///x", false},
    {"https://a b/x", false},
    {"ftp://localhost/x", false},
    {"file:///etc/passwd", false},
    {"/x", false},
    {"localhost/x", false},
};

START_TEST(a_container_endpoint_is_https_or_does_not_leave_the_machine)
{
    const struct exchange exchanges[] = {
        {.method = "GET", .url = uris[_i].uri, .status = 200, .answer = DOCUMENT("AKIAC")}, {0}};

    world_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uris[_i].uri);
    if (uris[_i].good) {
        world_answer(exchanges);
        gets("AKIAC");
    } else {
        world_fail(ERROR_CONFIG, "credentials: container: AWS_CONTAINER_CREDENTIALS_FULL_URI");
    }
}
END_TEST

START_TEST(the_relative_address_goes_first_and_must_be_a_path)
{
    static const struct exchange exchanges[] = {
        {.method = "GET", .url = "http://169.254.170.2/v2/x", .status = 200, .answer = DOCUMENT("AKIAC")},
        {0}};

    world_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    world_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://example.com/");
    world_answer(exchanges);
    gets("AKIAC");
    world_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.com/x");
    world_fail(ERROR_CONFIG, "does not begin with '/'");
}
END_TEST

START_TEST(the_token_of_a_file_goes_first_and_is_read_each_time)
{
    static const struct exchange exchanges[] = {{.method = "GET",
                                                 .url = "http://localhost/",
                                                 .header = "Authorization: Basic x",
                                                 .status = 200,
                                                 .answer = DOCUMENT("AKIA1")},
                                                {.method = "GET",
                                                 .url = "http://localhost/",
                                                 .header = "Authorization: one",
                                                 .status = 200,
                                                 .answer = DOCUMENT("AKIA2")},
                                                {.method = "GET",
                                                 .url = "http://localhost/",
                                                 .header = "Authorization: two",
                                                 .status = 200,
                                                 .answer = DOCUMENT("AKIA3")},
                                                {0}};
    struct credentials_provider *provider =
        credentials_provider_new(&world.options, &world.transport, &world.clock.clock);
    char *path = must_printf("%s/authorization", world.home);
    static const char *const tokens[] = {NULL, "one", "two"};

    world_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/");
    world_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic x");
    world_answer(exchanges);
    for (int i = 0; i < 3; i++) {
        struct credentials credentials = {0};
        struct error err;

        if (tokens[i] != NULL) {
            world_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
            write_text(path, tokens[i]);
        }
        ck_assert_msg(credentials_get(provider, &credentials, &err) == 0, "%s", err.message);
        credentials_reject(provider, credentials.access_key_id);
        credentials_clear(&credentials);
    }
    write_text(path, TOKEN "\nX-Injected: yes");
    world_fail(ERROR_CONFIG, "the authorization token has a line end in it");
    world_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent");
    world_fail(ERROR_CONFIG, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    credentials_provider_free(provider);
    free(path);
}
END_TEST

static const struct {
    int status;
    const char *answer;
    enum error_kind failure, kind;
    int tries;
    const char *saying;
} container_failures[] = {
    {200, "", ERROR_TRANSIENT, ERROR_TRANSIENT, 3, "nobody there"},
    {200, "", ERROR_INPUT, ERROR_INPUT, 1, "nobody there"},
    {500, "", ERROR_NONE, ERROR_TRANSIENT, 3, "the endpoint answered 500"},
    {429, "", ERROR_NONE, ERROR_TRANSIENT, 1, "the endpoint answered 429"},
    {403, SECRET, ERROR_NONE, ERROR_AUTH, 1, "the endpoint answered 403"},
    {302, "", ERROR_NONE, ERROR_AUTH, 1, "the endpoint answered 302"},
    {200, "{}", ERROR_NONE, ERROR_AUTH, 1, "'AccessKeyId' is missing"},
    {200, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET "\"}", ERROR_NONE, ERROR_AUTH, 1,
     "'Expiration' is missing"},
    {200, "{\"Code\":\"Nope\\n\",\"Message\":\"" SECRET "\"}", ERROR_NONE, ERROR_AUTH, 1, "it says 'Nope?'"},
};

START_TEST(what_a_container_endpoint_fails_with_is_said)
{
    const struct exchange one = {.method = "GET",
                                 .url = "http://localhost/",
                                 .status = container_failures[_i].status,
                                 .answer = container_failures[_i].answer,
                                 .failure = container_failures[_i].failure};
    struct exchange exchanges[4] = {{0}};

    for (int i = 0; i < container_failures[_i].tries; i++)
        exchanges[i] = one;
    world_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/");
    world_answer(exchanges);
    world_fail(container_failures[_i].kind, container_failures[_i].saying);
    ck_assert_int_eq((int)world.asked, container_failures[_i].tries);
}
END_TEST

/* ---- instance metadata */

#define IMDS "http://169.254.169.254/latest/"
#define ROLES IMDS "meta-data/iam/security-credentials/"

static const struct {
    const char *name, *variable, *value;
    const char *key; /* NULL: it fails */
    enum error_kind kind;
    const char *saying;
    struct exchange exchanges[4];
} instances[] = {
    {"version 2",
     "X",
     "",
     "AKIAI",
     ERROR_NONE,
     "",
     {{.method = "PUT",
       .url = IMDS "api/token",
       .header = "X-aws-ec2-metadata-token-ttl-seconds: 21600",
       .status = 200,
       .answer = "AQAE=="},
      {.method = "GET",
       .url = ROLES,
       .header = "X-aws-ec2-metadata-token: AQAE==",
       .status = 200,
       .answer = "my-role\n"},
      {.method = "GET",
       .url = ROLES "my-role",
       .header = "X-aws-ec2-metadata-token: AQAE==",
       .status = 200,
       .answer = DOCUMENT("AKIAI")}}},
    {"version 1",
     "X",
     "",
     "AKIAI",
     ERROR_NONE,
     "",
     {{.method = "PUT", .url = IMDS "api/token", .status = 404},
      {.method = "GET", .url = ROLES, .status = 200, .answer = "r"},
      {.method = "GET", .url = ROLES "r", .status = 200, .answer = DOCUMENT("AKIAI")}}},
    {"version 1 forbidden",
     "AWS_EC2_METADATA_V1_DISABLED",
     "True",
     NULL,
     ERROR_AUTH,
     "AWS_EC2_METADATA_V1_DISABLED",
     {{.method = "PUT", .url = IMDS "api/token", .status = 403}}},
    {"another place",
     "AWS_EC2_METADATA_SERVICE_ENDPOINT",
     "http://127.0.0.1:1338/",
     "AKIAI",
     ERROR_NONE,
     "",
     {{.method = "PUT", .url = "http://127.0.0.1:1338/latest/api/token", .status = 405},
      {.method = "GET",
       .url = "http://127.0.0.1:1338/latest/meta-data/iam/security-credentials/",
       .status = 200,
       .answer = "r"},
      {.method = "GET",
       .url = "http://127.0.0.1:1338/latest/meta-data/iam/security-credentials/r",
       .status = 200,
       .answer = DOCUMENT("AKIAI")}}},
    {"no place",
     "AWS_EC2_METADATA_SERVICE_ENDPOINT",
     "127.0.0.1",
     NULL,
     ERROR_CONFIG,
     "no http or https address",
     {{0}}},
    {"IPv6",
     "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
     "ipv6",
     NULL,
     ERROR_AUTH,
     "instance metadata: no answer",
     {{.method = "PUT", .url = "http://[fd00:ec2::254]/latest/api/token", .failure = ERROR_TRANSIENT}}},
    {"off",
     "AWS_EC2_METADATA_DISABLED",
     "TRUE",
     NULL,
     ERROR_AUTH,
     "AWS_EC2_METADATA_DISABLED is true",
     {{0}}},
    {"nobody there",
     "X",
     "",
     NULL,
     ERROR_AUTH,
     "instance metadata: no answer",
     {{.method = "PUT", .url = IMDS "api/token", .failure = ERROR_TRANSIENT}}},
    {"no role",
     "X",
     "",
     NULL,
     ERROR_AUTH,
     "instance metadata: the instance has no role",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = ROLES, .status = 404}}},
    {"empty list",
     "X",
     "",
     NULL,
     ERROR_AUTH,
     "instance metadata: the instance has no role",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = ROLES, .status = 200, .answer = ""}}},
    {"a page for a role",
     "X",
     "",
     NULL,
     ERROR_AUTH,
     "something that is no role",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = ROLES, .status = 200, .answer = "<html>/../" SECRET}}},
    {"a page for a token",
     "X",
     "",
     NULL,
     ERROR_TRANSIENT,
     "something that is no token",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "a\r\nX-Evil: " SECRET}}},
    {"no token today",
     "X",
     "",
     NULL,
     ERROR_TRANSIENT,
     "it answered 500 when asked for a token",
     {{.method = "PUT", .url = IMDS "api/token", .status = 500}}},
    {"no role today",
     "X",
     "",
     NULL,
     ERROR_TRANSIENT,
     "it answered 503",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = ROLES, .status = 503}}},
    {"token refused",
     "X",
     "",
     NULL,
     ERROR_AUTH,
     "it answered 401",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = ROLES, .status = 401}}},
    {"role refused",
     "X",
     "",
     NULL,
     ERROR_AUTH,
     "it says 'AssumeRoleUnauthorizedAccess'",
     {{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = ROLES, .status = 200, .answer = "r"},
      {.method = "GET",
       .url = ROLES "r",
       .status = 200,
       .answer = "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"}}},
};

START_TEST(the_metadata_service_is_asked_as_it_wants)
{
    world_setenv("AWS_EC2_METADATA_DISABLED", "");
    world_setenv(instances[_i].variable, instances[_i].value);
    world_answer(instances[_i].exchanges);
    if (instances[_i].key != NULL)
        gets(instances[_i].key);
    else
        world_fail(instances[_i].kind, instances[_i].saying);
}
END_TEST

/* ---- region */

static const struct {
    const char *asked, *variable, *value, *config, *region, *saying;
} regions[] = {
    {"us-east-2", "AWS_REGION", "eu-west-1", "", "us-east-2", NULL},
    {NULL, "AWS_REGION", "eu-west-1", "[default]\nregion = us-west-2\n", "eu-west-1", NULL},
    {"", "AWS_DEFAULT_REGION", "eu-west-1", "[default]\nregion = us-west-2\n", "eu-west-1", NULL},
    {NULL, "X", "", "[default]\nregion = us-west-2\n", "us-west-2", NULL},
    {NULL, "AWS_PROFILE", "a", "[default]\nregion = us-west-2\n[profile a]\nregion = us-gov-west-1\n",
     "us-gov-west-1", NULL},
    {NULL, "AWS_PROFILE", "b", "[default]\nregion = us-west-2\n", NULL, "there is no profile 'b'"},
    {"Ireland", "X", "", "", NULL, "'Ireland' of the settings is no region"},
    {NULL, "AWS_REGION", "eu-west-1.evil.com/", "", NULL, "'eu-west-1.evil.com/' of AWS_REGION is no region"},
    {NULL, "X", "", "[default]\nregion = x\n", NULL, "'x' of the profile is no region"},
    {NULL, "X", "", "[default]\n", NULL,
     "no region: none given, AWS_REGION is not set, profile 'default' has none, instance metadata: "
     "AWS_EC2_METADATA_DISABLED is true"},
};

START_TEST(the_first_who_knows_says_the_region)
{
    char region[64] = "unchanged";
    struct error err = {0};
    int result;

    world_setenv(regions[_i].variable, regions[_i].value);
    world_config(regions[_i].config);
    result = aws_region(&world.options, &world.transport, regions[_i].asked, region, sizeof(region), &err);
    if (regions[_i].region != NULL) {
        ck_assert_msg(result == 0, "%s", err.message);
        ck_assert_str_eq(region, regions[_i].region);
    } else {
        ck_assert_int_lt(result, 0);
        check_failure(&err, ERROR_CONFIG, regions[_i].saying);
        ck_assert_str_eq(region, "unchanged");
    }
}
END_TEST

static const struct {
    int status;
    const char *answer, *region, *saying;
} placements[] = {
    {200, "ap-south-1", "ap-south-1", NULL},
    {200, "ap-south-1\n", "ap-south-1", NULL},
    {200, "", NULL, "answered with no region"},
    {200, "<html>", NULL, "'<html>' of instance metadata is no region"},
    {404, "", NULL, "instance metadata: it has no such page"},
    {401, "", NULL, "instance metadata: it answered 401"},
};

START_TEST(an_instance_knows_where_it_is)
{
    const struct exchange exchanges[] = {
        {.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
        {.method = "GET",
         .url = IMDS "meta-data/placement/region",
         .header = "X-aws-ec2-metadata-token: t",
         .status = placements[_i].status,
         .answer = placements[_i].answer},
        {0}};
    char region[64] = "";
    struct error err = {0};
    int result;

    world_setenv("AWS_EC2_METADATA_DISABLED", "");
    world_answer(exchanges);
    result = aws_region(&world.options, &world.transport, NULL, region, sizeof(region), &err);
    ck_assert_int_eq(result == 0, placements[_i].region != NULL);
    if (result == 0)
        ck_assert_str_eq(region, placements[_i].region);
    else
        check_failure(&err, ERROR_CONFIG, placements[_i].saying);
    world_tear_down();
    world_answer(NULL);
}
END_TEST

/* What an instance that was booted a moment ago may see.  A service that is started again will find its region. */
static const struct {
    struct exchange exchanges[2];
    const char *saying;
} too_early[] = {
    {{{.method = "PUT", .url = IMDS "api/token", .failure = ERROR_TRANSIENT}}, "no answer"},
    {{{.method = "PUT", .url = IMDS "api/token", .status = 503}}, "it answered 503 when asked for a token"},
    {{{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = IMDS "meta-data/placement/region", .failure = ERROR_TRANSIENT}},
     "no answer"},
    {{{.method = "PUT", .url = IMDS "api/token", .status = 200, .answer = "t"},
      {.method = "GET", .url = IMDS "meta-data/placement/region", .status = 503}},
     "it answered 503"},
};

START_TEST(metadata_that_is_late_is_no_fault_of_the_configuration)
{
    struct exchange exchanges[3] = {too_early[_i].exchanges[0], too_early[_i].exchanges[1]};
    char region[64] = "", saying[256];
    struct error err = {0};

    snprintf(
        saying, sizeof(saying),
        "no region: none given, AWS_REGION is not set, profile 'default' has none, instance metadata: %s",
        too_early[_i].saying);
    world_setenv("AWS_EC2_METADATA_DISABLED", "");
    world_answer(exchanges);
    ck_assert_int_lt(aws_region(&world.options, &world.transport, NULL, region, sizeof(region), &err), 0);
    check_failure(&err, ERROR_TRANSIENT, saying);
    world_tear_down();
    world_answer(NULL);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("credentials_network");
    TCase *tcase = tcase_create("credentials_network");

    tcase_add_checked_fixture(tcase, world_set_up, world_tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_container_endpoint_is_https_or_does_not_leave_the_machine, 0,
                        COUNT_OF(uris));
    tcase_add_test(tcase, the_relative_address_goes_first_and_must_be_a_path);
    tcase_add_test(tcase, the_token_of_a_file_goes_first_and_is_read_each_time);
    tcase_add_loop_test(tcase, what_a_container_endpoint_fails_with_is_said, 0, COUNT_OF(container_failures));
    tcase_add_loop_test(tcase, the_metadata_service_is_asked_as_it_wants, 0, COUNT_OF(instances));
    tcase_add_loop_test(tcase, the_first_who_knows_says_the_region, 0, COUNT_OF(regions));
    tcase_add_loop_test(tcase, an_instance_knows_where_it_is, 0, COUNT_OF(placements));
    tcase_add_loop_test(tcase, metadata_that_is_late_is_no_fault_of_the_configuration, 0,
                        COUNT_OF(too_early));
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
