#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "scaling/config.h"

#include <sys/stat.h>
#include <sys/wait.h>

int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

struct config *config_of(const char *text)
{
    struct fault_list faults = {0};
    struct config *config = NULL;
    struct error err = {0};

    ck_assert_msg(config_parse(text, strlen(text), "test.conf", &config, &faults, &err) == 0, "%s",
                  err.message);
    fault_list_clear(&faults);
    return config;
}

const char *shared_data(void)
{
    static const char path[] = "../shared/data";
    struct stat found;

    return stat(path, &found) == 0 ? path : NULL;
}

/* One for the process, removed at its end; each call gets a folder in it. */
static char root[160];
static pid_t root_owner;

static void remove_root(void)
{
    char command[sizeof(root) + 16];

    if (getpid() != root_owner) /* a forked test ends before the program does */
        return;
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", root);
}

const char *temporary_directory(void)
{
    static char directory[sizeof(root) + 16];
    static int count;

    if (root_owner != getpid()) {
        const char *parent = getenv("TMPDIR");
        int length =
            snprintf(root, sizeof(root), "%s/kinescale-test-XXXXXX", parent != NULL ? parent : "/tmp");

        if (length >= (int)sizeof(root) || mkdtemp(root) == NULL)
            abort();
        root_owner = getpid();
        atexit(remove_root);
    }
    snprintf(directory, sizeof(directory), "%s/%d", root, ++count);
    if (mkdir(directory, 0700) != 0)
        abort();
    return directory;
}

char *read_text(const char *path)
{
    struct error err = {0};
    char *text = NULL;

    if (file_read(path, 64 << 20, &text, NULL, &err) < 0)
        ck_abort_msg("%s", err.message);
    return text;
}

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    ck_assert_msg(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "cannot write %s", path);
}
