/*
 * replay.c - gives a fuzzer's function the files of the folders it is told, each once.
 *
 * Each is also given cut short, at every length as far as CUTS_DENSE and then at ever fewer, so that the
 * sanitizers see a look behind the end.  Ends as Check's programs do.
 */
#include "fuzz.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>

enum { INPUT_MAX = 4 << 20, CUT_MAX = 2048, CUTS_DENSE = 256 };

static void try_exactly(const char *bytes, size_t length)
{
    uint8_t *exact = must_calloc(length, 1);

    memcpy(exact, bytes, length);
    (void)LLVMFuzzerTestOneInput(exact, length); /* always 0; what is wrong ends the process */
    free(exact);
}

static int replay_file(const char *path)
{
    SCOPED(free_text) char *bytes = NULL;
    struct error err = {0};
    size_t length;

    if (file_read(path, INPUT_MAX, &bytes, &length, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (size_t cut = 0; cut < length && cut < CUT_MAX; cut += 1 + cut / CUTS_DENSE)
        try_exactly(bytes, cut);
    try_exactly(bytes, length);
    return 0;
}

static int replay_folder(const char *folder, int *count)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    int failed = 0;

    if (directory == NULL) {
        fprintf(stderr, "cannot open '%s'\n", folder);
        return 1;
    }
    while ((entry = readdir(directory)) != NULL) {
        SCOPED(free_text) char *path = must_printf("%s/%s", folder, entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        ++*count;
        failed += replay_file(path);
    }
    closedir(directory);
    return failed;
}

int main(int argc, char **argv)
{
    int count = 1;
    int failed = 0;

    try_exactly("", 0);
    for (int i = 1; i < argc; i++)
        failed += replay_folder(argv[i], &count);
    printf("%d%%: Checks: %d, Failures: %d, Errors: 0\n", 100 * (count - failed) / count, count, failed);
    return failed != 0;
}
