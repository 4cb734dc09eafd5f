/* Files: whole, or refused with the reason. */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "support.h"

#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

START_TEST(a_file_is_read_whole)
{
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    size_t length = 42;

    write_text(path, "line\nline\n");
    ck_assert_int_eq(file_read(path, 100, &text, &length, &err), 0);
    ck_assert_str_eq(text, "line\nline\n");
    ck_assert_uint_eq(length, 10);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_text)
{
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    size_t length = 42;

    write_text(path, "");
    ck_assert_int_eq(file_read(path, 0, &text, &length, &err), 0);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(zero_bytes_are_kept)
{
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    FILE *file = fopen(path, "we");
    size_t length = 0;

    ck_assert_uint_eq(fwrite("a\0b", 1, 3, file), 3);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(file_read(path, 3, &text, &length, &err), 0);
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(text, "a\0b", 4);
}
END_TEST

/* Sizes around the piece that is read at once. */
START_TEST(the_limit_is_the_longest_accepted)
{
    static const size_t sizes[] = {1, 2, 100, 8191, 8192, 8193, 16384, 100000};
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    SCOPED(free_text) char *content = must_calloc(sizes[_i] + 1, 1);
    SCOPED(free_text) char *text = NULL;
    SCOPED(free_text) char *wanted = NULL;
    struct error err = {0};

    memset(content, 'x', sizes[_i]);
    write_text(path, content);
    ck_assert_int_eq(file_read(path, sizes[_i] - 1, &text, NULL, &err), -1);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    wanted = must_printf("'%s' has more than %zu bytes", path, sizes[_i] - 1);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(file_read(path, sizes[_i], &text, NULL, &err), 0);
    ck_assert_str_eq(text, content);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told_from_one_that_cannot_be_read)
{
    SCOPED(free_text) char *directory = must_strdup(temporary_directory());
    SCOPED(free_text) char *missing = must_printf("%s/none", directory);
    SCOPED(free_text) char *below_a_file = must_printf("%s/file/none", directory);
    SCOPED(free_text) char *file = must_printf("%s/file", directory);
    SCOPED(free_text) char *text = NULL;
    SCOPED(free_text) char *wanted = must_printf("cannot open '%s': No such file or directory", missing);
    struct error err = {0};

    write_text(file, "x");
    ck_assert_int_eq(file_read(missing, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(file_read(below_a_file, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_int_eq(file_read(directory, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "Is a directory"));
    if (geteuid() != 0) { /* nothing is forbidden to root */
        ck_assert_int_eq(chmod(file, 0), 0);
        ck_assert_int_eq(file_read(file, 100, &text, NULL, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
    }
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(a_file_that_tells_no_size_is_read)
{
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    size_t length = 0;

    ck_assert_int_eq(file_read("/proc/self/status", 1 << 20, &text, &length, &err), 0);
    ck_assert_uint_gt(length, 0);
    ck_assert_ptr_nonnull(strstr(text, "test_file"));
    ck_assert_int_eq(file_read("/dev/zero", 100000, &text, &length, &err), -1);
    ck_assert_str_eq(err.message, "'/dev/zero' has more than 100000 bytes");
}
END_TEST

START_TEST(a_pipe_is_no_file_and_is_not_waited_for)
{
    SCOPED(free_text) char *path = must_printf("%s/pipe", temporary_directory());
    SCOPED(free_text) char *wanted = must_printf("'%s' is a pipe, not a file", path);
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};

    ck_assert_int_eq(mkfifo(path, 0600), 0); /* that nobody will ever write to */
    ck_assert_int_eq(file_read(path, 100, &text, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(file_read_secret(path, 100, &text, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(file_read("/dev/null", 0, &text, NULL, &err), 0); /* how an unwanted file is named */
    ck_assert_str_eq(text, "");
}
END_TEST

static void *write_late(void *path)
{
    FILE *pipe = fopen(path, "we");
    bool wrote;

    clock_sleep_ms(clock_system(), 50);
    wrote = fputs("first, ", pipe) >= 0 && fflush(pipe) == 0;
    clock_sleep_ms(clock_system(), 50);
    wrote = fputs("then more", pipe) >= 0 && wrote;
    return fclose(pipe) == 0 && wrote ? path : NULL;
}

START_TEST(what_is_read_once_may_be_a_pipe_and_is_read_to_its_end)
{
    SCOPED(free_text) char *path = must_printf("%s/pipe", temporary_directory());
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    pthread_t writer;
    void *wrote;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_late, path), 0);
    ck_assert_int_eq(file_read_once(path, 100, &text, NULL, &err), 0);
    ck_assert_str_eq(text, "first, then more");
    ck_assert_int_eq(pthread_join(writer, &wrote), 0);
    ck_assert_ptr_nonnull(wrote);
}
END_TEST

/* How many files there are whose name begins so. */
static size_t files_like(const char *pattern)
{
    glob_t found = {0};
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

    globfree(&found);
    return count;
}

START_TEST(a_file_is_written_in_the_place_of_another_and_leaves_nothing_beside_it)
{
    SCOPED(free_text) char *path = must_printf("%s/page", temporary_directory());
    SCOPED(free_text) char *beside = must_printf("%s*", path);
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};

    for (int i = 0; i < 2; i++)
        ck_assert_msg(file_write(path, "long text" + 5 * i, (size_t)(9 - 5 * i), &err) == 0, "%s",
                      err.message);
    text = read_text(path);
    ck_assert_str_eq(text, "text");
    ck_assert_uint_eq(files_like(beside), 1);
}
END_TEST

START_TEST(a_link_stays_a_link_and_its_file_is_written)
{
    SCOPED(free_text) char *path = must_printf("%s/page", temporary_directory());
    SCOPED(free_text) char *link = must_printf("%s.link", path);
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    struct stat there;

    write_text(path, "old");
    ck_assert_int_eq(symlink(path, link), 0);
    ck_assert_msg(file_write(link, "new", 3, &err) == 0, "%s", err.message);
    ck_assert_int_eq(lstat(link, &there), 0);
    ck_assert(S_ISLNK(there.st_mode));
    text = read_text(path);
    ck_assert_str_eq(text, "new");
}
END_TEST

START_TEST(what_cannot_be_written_is_told_and_what_was_there_stays)
{
    SCOPED(free_text) char *directory = must_strdup(temporary_directory());
    SCOPED(free_text) char *inside = must_printf("%s/none/page", directory);
    SCOPED(free_text) char *wanted = must_printf("cannot write '%s': No such file or directory", inside);
    struct error err = {0};

    ck_assert_int_eq(file_write(inside, "x", 1, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(file_write(directory, "x", 1, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "Is a directory"));
    ck_assert_int_eq(file_write("/dev/full", "x", 1, &err), -1); /* a device is written to and not replaced */
    ck_assert_int_eq(err.kind, ERROR_TRANSIENT);
    ck_assert_str_eq(err.message, "cannot write '/dev/full': No space left on device");
    ck_assert_int_eq(file_write("/dev/null", "x", 1, &err), 0);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file)
{
    SCOPED(free_text) char *path = must_printf("%s/page", temporary_directory());
    SCOPED(free_text) char *beside = must_printf("%s*", path);
    SCOPED(free_text) char *text = NULL;
    struct rlimit small = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
    char much[4096] = {0};
    struct error err = {0};

    write_text(path, "old");
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0); /* as far as the file is concerned, the same */
    ck_assert_int_eq(file_write(path, much, sizeof(much), &err), -1);
    ck_assert_ptr_nonnull(strstr(err.message, "File too large"));
    text = read_text(path);
    ck_assert_str_eq(text, "old");
    ck_assert_uint_eq(files_like(beside), 1);
}
END_TEST

enum { NOBODY = 65534 };

/* Whose file, with which permissions, may hold a secret for whom: root, or a service. */
static const struct {
    unsigned mode;
    bool of_root, as_root, taken;
} secrets[] = {
    {0600, true, true, true},   {0400, true, true, true},    {0700, true, true, true},
    {0640, true, true, false},  {0604, true, true, false},   {0644, true, true, false},
    {0610, true, true, false},  {0666, true, true, false},   {0600, false, false, true},
    {0400, false, false, true}, {0640, false, false, false}, {0604, false, false, false},
    {0640, true, false, true},  {0440, true, false, true},   {0660, true, false, false},
    {0644, true, false, false}, {0650, true, false, false},
};

START_TEST(a_secret_that_others_may_read_is_refused)
{
    const char *directory = temporary_directory();
    SCOPED(free_text) char *path = must_printf("%s/secret", directory);
    SCOPED(free_text) char *text = NULL;
    struct error err = {0};
    bool root = geteuid() == 0, taken;

    if (!root && (secrets[_i].of_root || secrets[_i].as_root)) {
        printf("skipped: only root has files of root\n");
        return;
    }
    write_text(path, "hush\n");
    ck_assert_int_eq(chmod(path, secrets[_i].mode), 0);
    if (root && !secrets[_i].of_root)
        ck_assert_int_eq(chown(path, NOBODY, NOBODY), 0);
    if (root && secrets[_i].of_root)
        ck_assert_int_eq(chown(path, 0, NOBODY), 0);
    if (root && !secrets[_i].as_root)
        ck_assert(chown(directory, NOBODY, NOBODY) == 0 && chdir(directory) == 0 && setegid(NOBODY) == 0 &&
                  seteuid(NOBODY) == 0);
    taken = file_read_secret(root && !secrets[_i].as_root ? "secret" : path, 100, &text, &err) == 0;
    ck_assert(!root || (seteuid(0) == 0 && setegid(0) == 0)); /* the folder is to be removed */
    ck_assert_msg(taken == secrets[_i].taken, "mode %o: %s", secrets[_i].mode, err.message);
    if (taken) {
        ck_assert_str_eq(text, "hush\n");
    } else {
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
        ck_assert_msg(strstr(err.message, "secret' holds a secret, and others may read or change it "
                                          "(mode 0") != NULL &&
                          strstr(err.message, "chmod 600 it") != NULL,
                      "%s", err.message);
    }
}
END_TEST

START_TEST(a_file_that_is_open_to_others_is_told)
{
    static const struct {
        unsigned mode;
        bool open;
    } cases[] = {{0600, false}, {0400, false}, {0700, false}, {0644, true},
                 {0640, true},  {0602, true},  {0601, true},  {0610, true}};
    SCOPED(free_text) char *path = must_printf("%s/file", temporary_directory());
    unsigned mode = 0;

    ck_assert(!file_is_open_to_others(path, &mode)); /* there is none */
    write_text(path, "");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_int_eq(chmod(path, cases[i].mode), 0);
        ck_assert_msg(file_is_open_to_others(path, &mode) == cases[i].open, "mode %o", cases[i].mode);
        if (cases[i].open)
            ck_assert_uint_eq(mode, cases[i].mode);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("file");

    tcase_add_test(tcase, a_file_is_read_whole);
    tcase_add_test(tcase, an_empty_file_is_an_empty_text);
    tcase_add_test(tcase, zero_bytes_are_kept);
    tcase_add_loop_test(tcase, the_limit_is_the_longest_accepted, 0, 8);
    tcase_add_test(tcase, a_file_that_is_not_there_is_told_from_one_that_cannot_be_read);
    tcase_add_test(tcase, a_file_that_tells_no_size_is_read);
    tcase_add_test(tcase, a_pipe_is_no_file_and_is_not_waited_for);
    tcase_add_test(tcase, what_is_read_once_may_be_a_pipe_and_is_read_to_its_end);
    tcase_add_test(tcase, a_file_is_written_in_the_place_of_another_and_leaves_nothing_beside_it);
    tcase_add_test(tcase, a_link_stays_a_link_and_its_file_is_written);
    tcase_add_test(tcase, what_cannot_be_written_is_told_and_what_was_there_stays);
    tcase_add_test(tcase, a_full_disk_leaves_the_old_file);
    tcase_add_loop_test(tcase, a_secret_that_others_may_read_is_refused, 0, COUNT_OF(secrets));
    tcase_add_test(tcase, a_file_that_is_open_to_others_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
