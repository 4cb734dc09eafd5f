#include "credentials_support.h"
#include "support.h"

#include "base/memory.h"

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = " SECRET "\n"
#define STS "https://sts.eu-west-1.amazonaws.com/"
#define STS_CREDENTIALS(id)                                                  \
    "<Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>" SECRET \
    "</SecretAccessKey><SessionToken>" TOKEN                                 \
    "</SessionToken><Expiration>2026-11-21T09:00:00Z</Expiration></Credentials>"
#define ASSUMED(id)                                                                           \
    "<AssumeRoleResponse "                                                                    \
    "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>" STS_CREDENTIALS( \
        id) "</AssumeRoleResult></AssumeRoleResponse>"
#define STS_ERROR(code, message)                                                                           \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message "</Message></Error>" \
    "<RequestId>r</RequestId></ErrorResponse>"
#define DOCUMENT(id)                                                                    \
    "{\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"" SECRET "\",\"Token\":\"" TOKEN \
    "\",\"Expiration\":\"2026-11-21T14:00:00Z\"}"

static void gets(const char *key)
{
    struct credentials credentials = {0};

    world_get(key, &credentials);
    credentials_clear(&credentials);
}

/* ---- roles */

#define ROLE(name, more) "role_arn = arn:aws:iam::123456789012:role/" name "\n" more

START_TEST(a_role_is_assumed_with_the_keys_of_another_profile)
{
    static const struct exchange exchanges[] = {
        {.method = "POST",
         .url = STS,
         .key = "AKIAKEYS",
         .header = "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
         .body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
                 "&RoleSessionName=me%40here&ExternalId=a%2Bb%20%26%20c&DurationSeconds=3600",
         .status = 200,
         .answer = ASSUMED("AKIAROLE")},
        {0}};
    struct credentials credentials = {0};

    world_config("[default]\nregion = eu-west-1\n" ROLE(
        "r", "source_profile = keys\nrole_session_name = me@here\nexternal_id = a+b & c\n"
             "duration_seconds = 3600\n"));
    world_credentials("[keys]\n" KEYS("AKIAKEYS"));
    world_answer(exchanges);
    world_get("AKIAROLE", &credentials);
    ck_assert_str_eq(credentials.secret_access_key, SECRET);
    ck_assert_str_eq(credentials.session_token, TOKEN);
    ck_assert_int_eq(credentials.expires_ms, world.clock.ms + 60 * 60 * 1000);
    credentials_clear(&credentials);
}
END_TEST

START_TEST(a_chain_of_roles_is_walked_from_its_end)
{
    static const struct exchange exchanges[] = {{.method = "POST",
                                                 .url = STS,
                                                 .key = "AKIAKEYS",
                                                 .body = "role%2Fc&RoleSessionName=kinescale-",
                                                 .status = 200,
                                                 .answer = ASSUMED("AKIAC")},
                                                {.method = "POST",
                                                 .url = STS,
                                                 .key = "AKIAC",
                                                 .body = "role%2Fb&",
                                                 .status = 200,
                                                 .answer = ASSUMED("AKIAB")},
                                                {.method = "POST",
                                                 .url = STS,
                                                 .key = "AKIAB",
                                                 .body = "role%2Fa&",
                                                 .status = 200,
                                                 .answer = ASSUMED("AKIAA")},
                                                {0}};

    world_config("[profile a]\nregion = eu-west-1\n" ROLE("a", "source_profile = b\n") "[profile b]\n" ROLE(
        "b",
        "source_profile = c\n") "[profile c]\n" ROLE("c",
                                                     "source_profile = keys\n") "[profile keys]\n" KEYS("AKIA"
                                                                                                        "KEY"
                                                                                                        "S"));
    world.options.profile = "a";
    world_answer(exchanges);
    gets("AKIAA");
}
END_TEST

START_TEST(a_profile_with_keys_may_name_itself)
{
    static const struct exchange exchanges[] = {{.method = "POST",
                                                 .url = STS,
                                                 .key = "AKIASELF",
                                                 .body = "role%2Fa&",
                                                 .status = 200,
                                                 .answer = ASSUMED("AKIAA")},
                                                {0}};

    world_config("[default]\nregion = eu-west-1\n" ROLE("a", "source_profile = default\n"));
    world_credentials("[default]\n" KEYS("AKIASELF"));
    world_answer(exchanges);
    gets("AKIAA");
}
END_TEST

static const struct {
    const char *variable, *config, *key;
    const struct exchange exchanges[5];
} places[] = {
    {"AWS_ACCESS_KEY_ID",
     "Environment",
     "AKIAPLACE",
     {{.method = "POST", .url = STS, .key = "AKIAPLACE", .status = 200, .answer = ASSUMED("AKIAROLE")}}},
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
     "EcsContainer",
     "/x",
     {{.method = "GET", .url = "http://169.254.170.2/x", .status = 200, .answer = DOCUMENT("AKIAECS")},
      {.method = "POST", .url = STS, .key = "AKIAECS", .status = 200, .answer = ASSUMED("AKIAROLE")}}},
    {"AWS_EC2_METADATA_DISABLED",
     "Ec2InstanceMetadata",
     "false",
     {{.method = "PUT", .url = "http://169.254.169.254/latest/api/token", .status = 200, .answer = "t"},
      {.method = "GET",
       .url = "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
       .status = 200,
       .answer = "r"},
      {.method = "GET",
       .url = "http://169.254.169.254/latest/meta-data/iam/security-credentials/r",
       .status = 200,
       .answer = DOCUMENT("AKIAEC2")},
      {.method = "POST", .url = STS, .key = "AKIAEC2", .status = 200, .answer = ASSUMED("AKIAROLE")}}},
};

START_TEST(a_role_is_assumed_with_the_keys_of_a_place)
{
    char *config = must_printf("[profile a]\nregion = eu-west-1\n" ROLE("a", "credential_source = %s\n"),
                               places[_i].config);

    world_config(config);
    world.options.profile = "a"; /* so that the environment itself is not the first source */
    world_setenv(places[_i].variable, places[_i].key);
    world_setenv("AWS_SECRET_ACCESS_KEY", SECRET);
    world_answer(places[_i].exchanges);
    gets("AKIAROLE");
    free(config);
}
END_TEST

static const struct {
    const char *config, *saying;
} bad_profiles[] = {
    {"[default]\n" ROLE("a", ""),
     "role_arn of profile 'default' needs one of source_profile and credential_source"},
    {"[default]\n" ROLE("a", "source_profile = b\ncredential_source = Environment\n"), "needs only one of"},
    {"[default]\n" ROLE("a", "credential_source = Somewhere\n"), "not 'Somewhere'"},
    {"[default]\n" ROLE("a", "source_profile = b\n"),
     "there is no profile 'b', the source_profile of 'default'"},
    {"[default]\n" ROLE("a", "source_profile = b\n") "[profile b]\nregion = x\n",
     "source_profile 'b' has no credentials"},
    {"[default]\n" ROLE("a", "source_profile = default\n"),
     "source_profile of 'default' leads back to 'default'"},
    {"[default]\n" ROLE("a", "source_profile = b\n") "[profile b]\n" ROLE("b", "source_profile = default\n"),
     "source_profile of 'b' leads back to 'default'"},
    {"[default]\n" ROLE("a", "source_profile = b\n") "[profile b]\n" ROLE(
         "b", "source_profile = c\n") "[profile c]\n" ROLE("c", "source_profile = b\n"),
     "source_profile of 'c' leads back to 'b'"},
    {"[default]\n" ROLE("a", "source_profile = b\nmfa_serial = arn:aws:iam::1:mfa/me\n") "[profile b]\n" KEYS(
         "AKIAB"),
     "profile 'default' has 'mfa_serial': nobody is there to type the code"},
    {"[default]\n" ROLE("a", "source_profile = b\n") "[profile b]\naws_access_key_id = AKIAB\n",
     "aws_access_key_id without aws_secret_access_key"},
    {"[default]\n" ROLE("a", "source_profile = b\nduration_seconds = 60\n") "[profile b]\n" KEYS("AKIAB"),
     "duration_seconds must be 900 to 43200"},
    {"[default]\n" ROLE("a", "source_profile = b\nrole_session_name = a b\n") "[profile b]\n" KEYS("AKIAB"),
     "role session name"},
    {"[default]\n" ROLE("a", "source_profile = b\n") "[profile b]\nsso_session = corp\n", "'sso_session'"},
    {"[default]\nsso_session = corp\nsso_account_id = 123456789012\n",
     "profile 'default' has 'sso_session': a person's sign-in is not supported"},
    {"[default]\nsso_start_url = https://x\n" KEYS("AKIAB"), "'sso_start_url'"},
    {"[default]\nlogin_session = x\n", "'login_session'"},
    {"[default]\nweb_identity_token_file = /x\n",
     "web_identity_token_file of profile 'default' without role_arn"},
    {"[default]\naws_access_key_id = AKIAB\n", "aws_access_key_id without aws_secret_access_key"},
    {"[default]\ncredential_process = \"x\n", "quote that does not end"},
    {"[default]\ncredential_process = /nonexistent/" SECRET "\n",
     "credential_process 'default': the program: cannot be started"},
    {"[default]\n" ROLE("a", "source_profile = b\n") "[profile b]\n" KEYS("AKIAB") "[x]\nregion = y",
     "where to assume a role: no region"},
};

START_TEST(a_broken_profile_is_the_operators_to_mend)
{
    world_config(bad_profiles[_i].config);
    world_fail(ERROR_CONFIG, bad_profiles[_i].saying);
}
END_TEST

START_TEST(a_chain_of_more_than_eight_roles_is_refused)
{
    struct buffer config;
    struct error err;

    buffer_init(&config, 65536);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(
            buffer_printf(&config, &err, "[profile p%d]\n" ROLE("r", "source_profile = p%d\n"), i, i + 1), 0);
    ck_assert_int_eq(buffer_add_text(&config, "[profile p10]\n" KEYS("AKIA"), &err), 0);
    world_config(buffer_text(&config));
    world.options.profile = "p0";
    world_fail(ERROR_CONFIG, "more than 8 roles in a row");
    buffer_clear(&config);
}
END_TEST

/* ---- STS */

static const struct {
    int status;
    const char *answer;
    enum error_kind failure, kind;
    const char *saying;
} refusals[] = {
    {403, STS_ERROR("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole"), ERROR_NONE,
     ERROR_AUTH, "AssumeRole: User: x is not authorized to perform: sts:AssumeRole (AccessDenied)"},
    {403,
     STS_ERROR("SignatureDoesNotMatch",
               "It does not match. The Canonical String for this request should have been " SECRET),
     ERROR_NONE, ERROR_AUTH, "AssumeRole: It does not match (SignatureDoesNotMatch)"},
    {403, STS_ERROR("AccessDenied", "with the key " SECRET), ERROR_NONE, ERROR_AUTH,
     "AssumeRole: AccessDenied"},
    {403, STS_ERROR("ExpiredToken", "The security token has expired"), ERROR_NONE, ERROR_AUTH, "has expired"},
    {400, STS_ERROR("Throttling", "Rate exceeded"), ERROR_NONE, ERROR_THROTTLED, "Rate exceeded"},
    {500, "", ERROR_NONE, ERROR_TRANSIENT, "AssumeRole: HTTP 500 without an error code of AWS"},
    {503, "<html>" SECRET, ERROR_NONE, ERROR_TRANSIENT, "AssumeRole: HTTP 503 without an error code of AWS"},
    {200, "", ERROR_TRANSIENT, ERROR_TRANSIENT, "AssumeRole: nobody there"},
    {200, "hello " SECRET, ERROR_NONE, ERROR_TRANSIENT, "not the answer that was expected"},
    {200, "<AssumeRoleResponse/>", ERROR_NONE, ERROR_TRANSIENT,
     "the answer has no 'Credentials/AccessKeyId'"},
    {200,
     "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>" SECRET
     "</SecretAccessKey><SessionToken>" TOKEN
     "</SessionToken><Expiration>soon</Expiration></Credentials></R>",
     ERROR_NONE, ERROR_TRANSIENT, "'Expiration' is not a time"},
};

START_TEST(what_sts_refuses_is_said_and_no_secret_with_it)
{
    const struct exchange exchanges[] = {{.method = "POST",
                                          .url = STS,
                                          .status = refusals[_i].status,
                                          .answer = refusals[_i].answer,
                                          .failure = refusals[_i].failure},
                                         {0}};

    world_config("[default]\nregion = eu-west-1\n" ROLE("r", "source_profile = keys\n"));
    world_credentials("[keys]\n" KEYS("AKIAKEYS"));
    world_answer(exchanges);
    world_fail(refusals[_i].kind, refusals[_i].saying);
}
END_TEST

START_TEST(a_web_identity_token_is_read_again_each_time)
{
    static const struct exchange exchanges[] = {{.method = "POST",
                                                 .url = "http://127.0.0.1:4566/",
                                                 .key = "",
                                                 .body = "&WebIdentityToken=first",
                                                 .status = 400,
                                                 .answer = STS_ERROR("IDPCommunicationError", "try again")},
                                                {.method = "POST",
                                                 .url = "http://127.0.0.1:4566/",
                                                 .key = "",
                                                 .body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-"
                                                         "15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fw"
                                                         "&RoleSessionName=pod&WebIdentityToken=sec%2Fond",
                                                 .status = 200,
                                                 .answer = "<R>" STS_CREDENTIALS("AKIAWEB") "</R>"},
                                                {0}};
    struct credentials_provider *provider;
    struct credentials credentials = {0};
    struct error err;
    char *token = must_printf("%s/token", world.home);

    world_setenv("AWS_REGION", "eu-west-1");
    world_setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:4566");
    world_setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    world_setenv("AWS_ROLE_SESSION_NAME", "pod");
    world_fail(ERROR_CONFIG, "AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN");
    world_setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/w");
    world_fail(ERROR_CONFIG, "credentials: web identity: the token: ");

    world_answer(exchanges);
    provider = credentials_provider_new(&world.options, &world.transport, &world.clock.clock);
    write_text(token, "first");
    ck_assert_int_lt(credentials_get(provider, &credentials, &err), 0);
    write_text(token, "sec/ond\n");
    ck_assert_msg(credentials_get(provider, &credentials, &err) == 0, "%s", err.message);
    ck_assert_str_eq(credentials.access_key_id, "AKIAWEB");
    credentials_clear(&credentials);
    credentials_provider_free(provider);
    free(token);
}
END_TEST

/* ---- credential_process */

static const struct {
    const char *output, *saying;
    enum error_kind kind;
} outputs[] = {
    {"", "not the JSON that was expected", ERROR_AUTH},
    {SECRET, "not the JSON that was expected", ERROR_AUTH},
    {"[]", "not the JSON that was expected", ERROR_AUTH},
    {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET "\"}", "'Version' is not 1", ERROR_AUTH},
    {"{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET "\"}", "'Version' is not 1",
     ERROR_AUTH},
    {"{\"Version\":\"1\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET "\"}", "'Version' is not 1",
     ERROR_AUTH},
    {"{\"Version\":1,\"SecretAccessKey\":\"" SECRET "\"}", "'AccessKeyId' is missing", ERROR_AUTH},
    {"{\"Version\":1,\"AccessKeyId\":\"A\"}", "'SecretAccessKey' is missing", ERROR_AUTH},
    {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":1}", "'SecretAccessKey' is missing",
     ERROR_AUTH},
    {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET "\\n\"}", "the secret access key",
     ERROR_AUTH},
    {"{\"Version\":1,\"AccessKeyId\":\"A\\u0000\",\"SecretAccessKey\":\"" SECRET "\"}", "\\u0000",
     ERROR_AUTH},
    {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET "\",\"Expiration\":\"soon\"}",
     "'Expiration' is not a time", ERROR_AUTH},
    {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"" SECRET
     "\",\"Expiration\":\"2026-11-21T08:00:00Z\"}",
     "had already expired", ERROR_TRANSIENT},
};

static void set_up_process(const char *output)
{
    char *path = must_printf("%s/out", world.home);
    char *config = must_printf("[default]\ncredential_process = cat \"%s\"\n", path);

    write_text(path, output);
    world_config(config);
    free(config);
    free(path);
}

START_TEST(what_a_program_printed_wrongly_is_said_without_it)
{
    set_up_process(outputs[_i].output);
    world_fail(outputs[_i].kind, outputs[_i].saying);
}
END_TEST

START_TEST(a_program_may_say_when_its_keys_end)
{
    struct credentials credentials = {0};

    set_up_process("{\"Version\":1,\"AccessKeyId\":\"AKIAP\",\"SecretAccessKey\":\"" SECRET
                   "\",\"SessionToken\":\"" TOKEN "\",\"Expiration\":\"2026-11-21T10:00:00+01:00\"}");
    world_get("AKIAP", &credentials);
    ck_assert_str_eq(credentials.session_token, TOKEN);
    ck_assert_int_eq(credentials.expires_ms, world.clock.ms + 60 * 60 * 1000);
    credentials_clear(&credentials);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("credentials_profile");
    TCase *tcase = tcase_create("credentials_profile");

    tcase_add_checked_fixture(tcase, world_set_up, world_tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_role_is_assumed_with_the_keys_of_another_profile);
    tcase_add_test(tcase, a_chain_of_roles_is_walked_from_its_end);
    tcase_add_test(tcase, a_profile_with_keys_may_name_itself);
    tcase_add_loop_test(tcase, a_role_is_assumed_with_the_keys_of_a_place, 0, COUNT_OF(places));
    tcase_add_loop_test(tcase, a_broken_profile_is_the_operators_to_mend, 0, COUNT_OF(bad_profiles));
    tcase_add_test(tcase, a_chain_of_more_than_eight_roles_is_refused);
    tcase_add_loop_test(tcase, what_sts_refuses_is_said_and_no_secret_with_it, 0, COUNT_OF(refusals));
    tcase_add_test(tcase, a_web_identity_token_is_read_again_each_time);
    tcase_add_loop_test(tcase, what_a_program_printed_wrongly_is_said_without_it, 0, COUNT_OF(outputs));
    tcase_add_test(tcase, a_program_may_say_when_its_keys_end);
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
