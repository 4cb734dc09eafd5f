/* How much memory the daemon takes with 1,000 streams, after it has looked at all of them and their alarms. */
#include "bed.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"

#include <string.h>

enum { STREAMS = 1000 };

static double mebibytes(const char *status, const char *name)
{
    const char *found = strstr(status, name);
    char digits[16] = "";
    int64_t kibibytes = 0;

    if (found == NULL)
        bed_fail("the kernel does not tell %s", name);
    found += strlen(name);
    found += strspn(found, " \t");
    snprintf(digits, sizeof(digits), "%.*s", (int)strspn(found, "0123456789"), found);
    if (!number_parse(digits, 0, INT64_MAX, &kibibytes))
        bed_fail("%s is '%s'", name, digits);
    return (double)kibibytes / 1024;
}

static void measure(int streams)
{
    struct bed_options options = {.streams = streams, .speed = 20};
    struct bed *bed = bed_start(&options);
    SCOPED(free_text) char *status = NULL;
    struct error err = {0};
    char path[64], what[80];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)bed_daemon(bed));
    if (file_read(path, 65536, &status, NULL, &err) < 0)
        bed_fail("%s", err.message);
    snprintf(what, sizeof(what), "resident memory with %d stream%s", streams, streams == 1 ? "" : "s");
    bed_row(what, "%8.1f MiB, of that %.1f its own; at most %.1f", mebibytes(status, "\nVmRSS:"),
            mebibytes(status, "\nRssAnon:"), mebibytes(status, "\nVmHWM:"));
    bed_stop(bed);
}

int main(void)
{
    measure(1);
    measure(STREAMS);
    return 0;
}
