/* How much memory the daemon takes with 1,000 streams, after it has looked at all of them and their alarms. */
#include "bed.h"

enum { STREAMS = 1000 };

static void measure(int streams)
{
    struct bed_options options = {.streams = streams, .speed = 20};
    struct bed *bed = bed_start(&options);
    char what[80];

    snprintf(what, sizeof(what), "resident memory with %d stream%s", streams, streams == 1 ? "" : "s");
    bed_row(what, "%8.1f MiB, of that %.1f its own; at most %.1f", bed_mebibytes(bed, "VmRSS"),
            bed_mebibytes(bed, "RssAnon"), bed_mebibytes(bed, "VmHWM"));
    bed_stop(bed);
}

int main(void)
{
    measure(1);
    measure(STREAMS);
    return 0;
}
