#include "aws/endpoint.h"
#include "base/memory.h"
#include "support.h"

#include <string.h>

/* A process environment of at most four variables: "NAME=value". */
static const char *variables[4];

static const char *fake_getenv(const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < COUNT_OF(variables) && variables[i] != NULL; i++) {
        if (strncmp(variables[i], name, length) == 0 && variables[i][length] == '=')
            return variables[i] + length + 1;
    }
    return NULL;
}

static void set_environment(const char *first, const char *second, const char *third)
{
    variables[0] = first;
    variables[1] = first != NULL ? second : NULL;
    variables[2] = variables[1] != NULL ? third : NULL;
}

static const struct {
    enum aws_service service;
    const char *region;
    const char *url;
} regional[] = {
    {AWS_KINESIS, "eu-west-1", "https://kinesis.eu-west-1.amazonaws.com"},
    {AWS_CLOUDWATCH, "us-east-1", "https://monitoring.us-east-1.amazonaws.com"},
    {AWS_SNS, "cn-north-1", "https://sns.cn-north-1.amazonaws.com.cn"},
    {AWS_STS, "us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"},
    {AWS_CLOUDFORMATION, "mx-central-1", "https://cloudformation.mx-central-1.amazonaws.com"},
    {AWS_KINESIS, "us-iso-east-1", "https://kinesis.us-iso-east-1.c2s.ic.gov"},
    {AWS_KINESIS, "us-isob-east-1", "https://kinesis.us-isob-east-1.sc2s.sgov.gov"},
    {AWS_KINESIS, "eu-isoe-west-1", "https://kinesis.eu-isoe-west-1.cloud.adc-e.uk"},
    {AWS_KINESIS, "us-isof-south-1", "https://kinesis.us-isof-south-1.csp.hci.ic.gov"},
    {AWS_KINESIS, "eusc-de-east-1", "https://kinesis.eusc-de-east-1.amazonaws.eu"},
    {AWS_KINESIS, "xx-nowhere-12", "https://kinesis.xx-nowhere-12.amazonaws.com"},
};

START_TEST(a_region_has_its_own_host)
{
    char url[ENDPOINT_SIZE];
    bool overridden = true;
    struct error err;

    set_environment(NULL, NULL, NULL);
    ck_assert_int_eq(
        aws_endpoint(regional[_i].service, regional[_i].region, fake_getenv, url, &overridden, &err), 0);
    ck_assert_str_eq(url, regional[_i].url);
    ck_assert(!overridden);
}
END_TEST

static const struct {
    const char *first, *second, *third;
    const char *url; /* of Kinesis in eu-west-1 */
    bool overridden;
} overrides[] = {
    {"AWS_ENDPOINT_URL=http://127.0.0.1:4566", NULL, NULL, "http://127.0.0.1:4566", true},
    {"AWS_ENDPOINT_URL=http://localhost:4566/", NULL, NULL, "http://localhost:4566", true},
    {"AWS_ENDPOINT_URL_KINESIS=https://kinesis.example", "AWS_ENDPOINT_URL=http://other", NULL,
     "https://kinesis.example", true},
    {"AWS_ENDPOINT_URL_SNS=http://sns.example", NULL, NULL, "https://kinesis.eu-west-1.amazonaws.com", false},
    {"AWS_ENDPOINT_URL_KINESIS=", "AWS_ENDPOINT_URL=http://[::1]:15000", NULL, "http://[::1]:15000", true},
    {"AWS_ENDPOINT_URL=http://[fd00:ec2::23]", NULL, NULL, "http://[fd00:ec2::23]", true},
    {"AWS_ENDPOINT_URL=http://h:65535", NULL, NULL, "http://h:65535", true},
    {"AWS_ENDPOINT_URL=http://h", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", NULL,
     "https://kinesis.eu-west-1.amazonaws.com", false},
    {"AWS_ENDPOINT_URL=http://h", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=TRUE", NULL,
     "https://kinesis.eu-west-1.amazonaws.com", false},
    {"AWS_ENDPOINT_URL=http://h", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=no", NULL, "http://h", true},
};

START_TEST(an_override_counts_in_the_order_of_the_sdks)
{
    char url[ENDPOINT_SIZE];
    bool overridden;
    struct error err;

    set_environment(overrides[_i].first, overrides[_i].second, overrides[_i].third);
    ck_assert_int_eq(aws_endpoint(AWS_KINESIS, "eu-west-1", fake_getenv, url, &overridden, &err), 0);
    ck_assert_str_eq(url, overrides[_i].url);
    ck_assert(overridden == overrides[_i].overridden);
}
END_TEST

static const char *const bad_overrides[] = {
    "ftp://host",
    "host:4566",
    "http://",
    "http:///",
    "https://:443",
    "http://host/path",
    "http://host//",
    "http://user@host",
    "http://user:secret@host",
    "http://host?x",
    "http://host#x",
    "http://host:",
    "http://host:0",
    "http://host:65536",
    "http://host:-1",
    "http://host:80a",
    "http://ho st",
    "http://host:80:80",
    "http://[::1",
    "http://[]",
    "http://[::1]x",
    "http://[::g]",
    "http://h\nHost: x",
    "HTTP://host",
    "http://host:000080808080",
};

START_TEST(an_override_that_is_more_than_a_host_is_refused_without_showing_it)
{
    char variable[128], url[ENDPOINT_SIZE] = "untouched";
    struct error err;

    snprintf(variable, sizeof(variable), "AWS_ENDPOINT_URL=%s", bad_overrides[_i]);
    set_environment(variable, NULL, NULL);
    ck_assert_msg(aws_endpoint(AWS_KINESIS, "eu-west-1", fake_getenv, url, NULL, &err) < 0, "took '%s'",
                  bad_overrides[_i]);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.message, "AWS_ENDPOINT_URL must be http(s)://host[:port] and nothing more");
    ck_assert_str_eq(url, "untouched");
}
END_TEST

START_TEST(an_override_longer_than_the_buffer_is_refused)
{
    char variable[ENDPOINT_SIZE + 64] = "AWS_ENDPOINT_URL=http://", url[ENDPOINT_SIZE];
    size_t start = strlen(variable);
    struct error err;

    memset(variable + start, 'a', ENDPOINT_SIZE);
    set_environment(variable, NULL, NULL);
    ck_assert_int_lt(aws_endpoint(AWS_SNS, "eu-west-1", fake_getenv, url, NULL, &err), 0);
}
END_TEST

START_TEST(with_an_override_the_region_may_be_an_emulators_own)
{
    char url[ENDPOINT_SIZE];
    struct error err;

    set_environment("AWS_ENDPOINT_URL=http://h", NULL, NULL);
    ck_assert_int_eq(aws_endpoint(AWS_KINESIS, "local", fake_getenv, url, NULL, &err), 0);
    ck_assert_int_lt(aws_endpoint(AWS_KINESIS, "eu-west-1:kinesis", fake_getenv, url, NULL, &err), 0);
    ck_assert_int_lt(aws_endpoint(AWS_KINESIS, "", fake_getenv, url, NULL, &err), 0);
}
END_TEST

static const struct {
    const char *region;
    bool plausible;
} regions[] = {
    {"us-east-1", true},
    {"ap-southeast-7", true},
    {"us-gov-west-1", true},
    {"eusc-de-east-1", true},
    {"us-isob-east-1", true},
    {"af-south-12", true},
    {"", false},
    {"us", false},
    {"us-east", false},
    {"us-1", false},
    {"u-east-1", false},
    {"us-east-1a", false},
    {"us--east-1", false},
    {"-us-east-1", false},
    {"us-east-", false},
    {"US-EAST-1", false},
    {"us-east-1.evil", false},
    {"us-east-1/", false},
    {"us-east-1\n", false},
    {"us-east-1-", false},
};

START_TEST(a_region_is_told_from_something_else)
{
    ck_assert_msg(aws_region_is_plausible(regions[_i].region) == regions[_i].plausible, "'%s'",
                  regions[_i].region);
}
END_TEST

START_TEST(a_name_that_is_no_region_gets_no_host)
{
    char url[ENDPOINT_SIZE];
    struct error err;

    set_environment(NULL, NULL, NULL);
    ck_assert_int_lt(aws_endpoint(AWS_KINESIS, "evil.example/", fake_getenv, url, NULL, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.message, "'evil.example/' is no AWS region");
}
END_TEST

START_TEST(signatures_name_services_as_aws_does)
{
    ck_assert_str_eq(aws_signing_name(AWS_KINESIS), "kinesis");
    ck_assert_str_eq(aws_signing_name(AWS_CLOUDWATCH), "monitoring");
    ck_assert_str_eq(aws_signing_name(AWS_SNS), "sns");
    ck_assert_str_eq(aws_signing_name(AWS_CLOUDFORMATION), "cloudformation");
    ck_assert_str_eq(aws_signing_name(AWS_STS), "sts");
}
END_TEST

static const struct {
    const char *text;
    struct arn arn;
} arns[] = {
    {"arn:aws:sns:eu-west-1:123456789012:kinescale",
     {"aws", "sns", "eu-west-1", "123456789012", "kinescale"}},
    {"arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders",
     {"aws-cn", "kinesis", "cn-north-1", "123456789012", "stream/orders"}},
    {"arn:aws:cloudwatch:us-east-1:1:alarm:[A] b: c|d #1",
     {"aws", "cloudwatch", "us-east-1", "1", "alarm:[A] b: c|d #1"}},
    {"arn:aws:cloudwatch::1:dashboard/x", {"aws", "cloudwatch", "", "1", "dashboard/x"}},
    {"arn:aws:iam:::x", {"aws", "iam", "", "", "x"}},
};

START_TEST(an_arn_is_taken_apart)
{
    struct arn arn;
    struct error err;

    ck_assert_int_eq(arn_parse(arns[_i].text, &arn, &err), 0);
    ck_assert_str_eq(arn.partition, arns[_i].arn.partition);
    ck_assert_str_eq(arn.service, arns[_i].arn.service);
    ck_assert_str_eq(arn.region, arns[_i].arn.region);
    ck_assert_str_eq(arn.account, arns[_i].arn.account);
    ck_assert_str_eq(arn.resource, arns[_i].arn.resource);
}
END_TEST

static const char *const bad_arns[] = {
    "",
    "arn",
    "arn:",
    "arn:aws",
    "arn:aws:sns",
    "arn:aws:sns:r:a",
    "arn:aws:sns:r:a:",
    "arn::sns:r:a:x",
    "arn:aws::r:a:x",
    "ARN:aws:sns:r:a:x",
    " arn:aws:sns:r:a:x",
    "urn:aws:sns:r:a:x",
    "arn:aws:sns:eu west:a:x",
    "arn:aws:sns:r:a\n:x",
    "arn:a-partition-with-a-very-long-name-indeed:sns:r:a:x",
};

START_TEST(what_is_no_arn_is_refused)
{
    struct arn arn = {.resource = "untouched"};
    struct error err;

    ck_assert_msg(arn_parse(bad_arns[_i], &arn, &err) < 0, "took '%s'", bad_arns[_i]);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(arn.resource, "untouched");
}
END_TEST

START_TEST(a_part_of_an_arn_that_fills_its_array_is_taken_and_one_more_byte_refused)
{
    char text[2048] = "arn:aws:s:r:a:";
    size_t start = strlen(text);
    struct arn arn;
    struct error err;

    memset(text + start, 'x', sizeof(arn.resource) - 1);
    ck_assert_int_eq(arn_parse(text, &arn, &err), 0);
    ck_assert_uint_eq(strlen(arn.resource), sizeof(arn.resource) - 1);
    memset(text + start, 'x', sizeof(arn.resource));
    ck_assert_int_lt(arn_parse(text, &arn, &err), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tcase = tcase_create("endpoint");

    tcase_add_loop_test(tcase, a_region_has_its_own_host, 0, COUNT_OF(regional));
    tcase_add_loop_test(tcase, an_override_counts_in_the_order_of_the_sdks, 0, COUNT_OF(overrides));
    tcase_add_loop_test(tcase, an_override_that_is_more_than_a_host_is_refused_without_showing_it, 0,
                        COUNT_OF(bad_overrides));
    tcase_add_test(tcase, an_override_longer_than_the_buffer_is_refused);
    tcase_add_test(tcase, with_an_override_the_region_may_be_an_emulators_own);
    tcase_add_loop_test(tcase, a_region_is_told_from_something_else, 0, COUNT_OF(regions));
    tcase_add_test(tcase, a_name_that_is_no_region_gets_no_host);
    tcase_add_test(tcase, signatures_name_services_as_aws_does);
    tcase_add_loop_test(tcase, an_arn_is_taken_apart, 0, COUNT_OF(arns));
    tcase_add_loop_test(tcase, what_is_no_arn_is_refused, 0, COUNT_OF(bad_arns));
    tcase_add_test(tcase, a_part_of_an_arn_that_fills_its_array_is_taken_and_one_more_byte_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
