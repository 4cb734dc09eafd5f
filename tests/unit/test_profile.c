#include "support.h"

#include "aws/profile.h"
#include "base/memory.h"

#include <stdio.h>

static struct profile_file *parse(const char *text, enum profile_file_kind kind)
{
    struct profile_file *file = NULL;
    struct error err;

    ck_assert_msg(profile_file_parse(text, strlen(text), kind, "a file", &file, &err) == 0, "%s",
                  err.message);
    return file;
}

static const struct {
    const char *name;
    enum profile_file_kind kind;
    const char *text, *profile, *key, *value; /* value NULL: it has none */
} readings[] = {
    {"a key", PROFILE_CREDENTIALS, "[default]\nkey = value\n", "default", "key", "value"},
    {"without a last line end", PROFILE_CREDENTIALS, "[default]\nkey=value", "default", "key", "value"},
    {"line ends of another system", PROFILE_CREDENTIALS, "[a]\r\nkey = value\r\n", "a", "key", "value"},
    {"a colon", PROFILE_CREDENTIALS, "[a]\nkey: value", "a", "key", "value"},
    {"a value with '='", PROFILE_CREDENTIALS, "[a]\nkey = a+b/c==", "a", "key", "a+b/c=="},
    {"a key in capitals", PROFILE_CREDENTIALS, "[a]\nAWS_Key = v", "a", "aws_key", "v"},
    {"a profile's case counts", PROFILE_CREDENTIALS, "[A]\nkey = v", "a", "key", NULL},
    {"an empty value", PROFILE_CREDENTIALS, "[a]\nkey =\n", "a", "key", NULL},
    {"the last of two", PROFILE_CREDENTIALS, "[a]\nkey = 1\nkey = 2\n", "a", "key", "2"},
    {"a section twice", PROFILE_CREDENTIALS, "[a]\nk1 = 1\n[b]\nk1 = 2\n[a]\nk2 = 3\n", "a", "k1", "1"},
    {"its second half", PROFILE_CREDENTIALS, "[a]\nk1 = 1\n[b]\nk1 = 2\n[a]\nk2 = 3\n", "a", "k2", "3"},
    {"another section", PROFILE_CREDENTIALS, "[a]\nkey = 1\n[b]\nother = 2\n", "b", "key", NULL},
    {"blanks in brackets", PROFILE_CREDENTIALS, "[ a ]\nkey = v", "a", "key", "v"},
    {"a comment behind a section", PROFILE_CREDENTIALS, "[a] # [b]\nkey = v", "a", "key", "v"},
    {"lines of comment", PROFILE_CREDENTIALS, "# x\n[a]\n; key = 1\n  # key = 2\nkey = 3", "a", "key", "3"},
    {"a comment behind a value", PROFILE_CREDENTIALS, "[a]\nkey = v # not this", "a", "key", "v"},
    {"a semicolon behind a value", PROFILE_CREDENTIALS, "[a]\nkey = v ; not this", "a", "key", "v"},
    {"'#' inside a value", PROFILE_CREDENTIALS, "[a]\nkey = v#w;x", "a", "key", "v#w;x"},
    {"'#' inside quotes", PROFILE_CREDENTIALS, "[a]\nkey = run 'a # b' # c", "a", "key", "run 'a # b'"},
    {"an apostrophe", PROFILE_CREDENTIALS, "[a]\nkey = it's # so", "a", "key", "it's # so"},
    {"a value of nothing but comment", PROFILE_CREDENTIALS, "[a]\nkey = # x", "a", "key", NULL},
    {"nested keys are passed over", PROFILE_CONFIG, "[default]\ns3 =\n  region = x\nregion = y\n", "default",
     "region", "y"},
    {"nested keys at the end", PROFILE_CONFIG, "[default]\nregion = y\ns3 =\n  region = x\n", "default",
     "region", "y"},
    {"nested lines without '='", PROFILE_CONFIG, "[default]\ns3 =\n  word\nregion = y", "default", "region",
     "y"},
    {"a section indented as a whole", PROFILE_CONFIG, "[default]\n  output = z\n  region = y\n", "default",
     "region", "y"},
    {"an indented section below a key", PROFILE_CONFIG, "[default]\nk = 1\n[profile b]\n    region = y\n",
     "b", "region", "y"},
    {"profile x", PROFILE_CONFIG, "[profile x]\nregion = y", "x", "region", "y"},
    {"many blanks", PROFILE_CONFIG, "[profile \t x]\nregion = y", "x", "region", "y"},
    {"quotes", PROFILE_CONFIG, "[profile \"two words\"]\nregion = y", "two words", "region", "y"},
    {"profile default", PROFILE_CONFIG, "[profile default]\nregion = y", "default", "region", "y"},
    {"a section that is no profile", PROFILE_CONFIG, "[x]\nregion = y", "x", "region", NULL},
    {"sso-session", PROFILE_CONFIG, "[sso-session x]\nregion = y\n[profile x]\nk = v", "x", "region", NULL},
    {"profiles is another word", PROFILE_CONFIG, "[profiles x]\nregion = y", "x", "region", NULL},
    {"'profile' in the credentials file", PROFILE_CREDENTIALS, "[profile x]\nregion = y", "x", "region",
     NULL},
};

START_TEST(a_file_is_read_as_the_aws_cli_reads_it)
{
    struct profile_file *file = parse(readings[_i].text, readings[_i].kind);
    const char *value = profile_file_value(file, readings[_i].profile, readings[_i].key);

    ck_assert_msg(value == NULL ? readings[_i].value == NULL
                                : readings[_i].value != NULL && strcmp(value, readings[_i].value) == 0,
                  "%s: '%s'", readings[_i].name, value == NULL ? "(none)" : value);
    profile_file_free(file);
}
END_TEST

START_TEST(a_section_without_keys_is_a_profile)
{
    struct profile_file *file = parse("[default]\n[profile a]\n[services b]\n", PROFILE_CONFIG);

    ck_assert(profile_file_has(file, "default"));
    ck_assert(profile_file_has(file, "a"));
    ck_assert(!profile_file_has(file, "b"));
    ck_assert(!profile_file_has(NULL, "default"));
    ck_assert_ptr_null(profile_file_value(NULL, "default", "region"));
    profile_file_free(file);
    profile_file_free(NULL);
}
END_TEST

static const struct {
    const char *text, *saying;
} faults[] = {
    {"key = SecretSecret\n", "line 1: a key before the first section"},
    {"\n[a]\nSecretSecret\n", "line 3: neither a section nor a key with a value"},
    {"[a]\n= SecretSecret\n", "line 2: neither a section nor a key with a value"},
    {"[a\nkey = SecretSecret", "line 1: the section has no ']'"},
    {"[]\n", "line 1: the section has no name"},
    {"[  ]\n", "line 1: the section has no name"},
};

START_TEST(a_fault_is_named_by_its_line_and_never_quoted)
{
    struct profile_file *file = NULL;
    struct error err;

    ck_assert_int_lt(profile_file_parse(faults[_i].text, strlen(faults[_i].text), PROFILE_CREDENTIALS,
                                        "a file", &file, &err),
                     0);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_msg(strstr(err.message, faults[_i].saying) != NULL, "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "Secret"));
    ck_assert_ptr_null(file);
}
END_TEST

START_TEST(a_file_with_a_nul_is_refused)
{
    struct profile_file *file = NULL;
    struct error err;

    ck_assert_int_lt(profile_file_parse("[a]\nk=\0v", 8, PROFILE_CONFIG, "a file", &file, &err), 0);
    ck_assert_str_eq(err.message, "'a file' is not a text file");
}
END_TEST

/* ---- both files */

static const char *home, *config_path;

static const char *test_getenv(const char *name)
{
    return strcmp(name, "HOME") == 0 ? home : strcmp(name, "AWS_CONFIG_FILE") == 0 ? config_path : NULL;
}

START_TEST(the_environment_says_where_the_files_are)
{

    struct profiles profiles = {0};
    struct error err;
    char *path;

    home = temporary_directory();
    path = must_printf("%s/my-config", home);
    write_text(path, "[default]\nregion = eu-west-1\n");
    for (size_t i = 0; i < 2; i++) {
        config_path = i == 0 ? path : "~/my-config";
        ck_assert_int_eq(profiles_read(test_getenv, &profiles, &err), 0);
        ck_assert_pstr_eq(profiles_value(&profiles, "default", "region"), "eu-west-1");
        profiles_clear(&profiles);
    }
    config_path = NULL;
    ck_assert_int_eq(profiles_read(test_getenv, &profiles, &err), 0);
    ck_assert(!profiles_has(&profiles, "default"));
    profiles_clear(&profiles);
    home = NULL;
    ck_assert_int_eq(profiles_read(test_getenv, &profiles, &err), 0);
    ck_assert(!profiles_has(&profiles, "default"));
    free(path);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_the_operators_to_mend)
{
    struct profiles profiles = {0};
    struct error err;

    home = temporary_directory();
    config_path = home; /* a directory */
    ck_assert_int_lt(profiles_read(test_getenv, &profiles, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, home));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("profile");
    TCase *tcase = tcase_create("profile");

    tcase_add_loop_test(tcase, a_file_is_read_as_the_aws_cli_reads_it, 0, COUNT_OF(readings));
    tcase_add_test(tcase, a_section_without_keys_is_a_profile);
    tcase_add_loop_test(tcase, a_fault_is_named_by_its_line_and_never_quoted, 0, COUNT_OF(faults));
    tcase_add_test(tcase, a_file_with_a_nul_is_refused);
    tcase_add_test(tcase, the_environment_says_where_the_files_are);
    tcase_add_test(tcase, a_file_that_cannot_be_read_is_the_operators_to_mend);
    suite_add_tcase(all, tcase);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
