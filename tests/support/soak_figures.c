/*
 * soak_figures.c - what the program holds, and what is told of it all in the end.
 */
#include "soak.h"
#include "support.h"

#include "base/clock.h"
#include "base/memory.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

const char *const soak_tables[8] = {"notifications", "actions", "steps",  "decisions",
                                    "splits",        "goals",   "streams"};

/* Of AddressSanitizer, which does not keep malloc's own books. */
size_t __attribute__((weak)) __sanitizer_get_current_allocated_bytes(void);

static int64_t live_bytes(void)
{
    struct mallinfo2 heap;

    if (__sanitizer_get_current_allocated_bytes != NULL)
        return (int64_t)__sanitizer_get_current_allocated_bytes();
    heap = mallinfo2();
    return (int64_t)(heap.uordblks + heap.hblkhd);
}

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long pages = 0;

    ck_assert(file != NULL && fscanf(file, "%*s %lld", &pages) == 1);
    (void)fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* its own */

    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

static int64_t file_bytes(const char *database, const char *suffix)
{
    char path[192];
    struct stat found;

    snprintf(path, sizeof(path), "%s%s", database, suffix);
    return stat(path, &found) == 0 ? found.st_size : 0;
}

/* ---- bounds */

enum {
    WARM_DAYS = 7,                    /* what the first week needed is what there may be */
    HELD_MAX_BYTES = 6 * 1024 * 1024, /* of which two are SQLite's cache */
    HEAP_SLACK_BYTES = 1024 * 1024,   /* and a tenth: shards come and go in the simulated AWS */
    RESIDENT_SLACK_BYTES = 8388608,   /* and a tenth: what malloc() has and does not give back */
    FILE_SLACK_BYTES = 262144, /* and a half: a file remembers its worst day, and there are worse ones */
    KEPT_MS = 50 * HOUR_MS,    /* `history`, and the time until somebody looks */
};

static int64_t heap_of(const struct soak_sample *sample)
{
    return sample->live_bytes;
}

static int64_t resident_of(const struct soak_sample *sample)
{
    return sample->resident_bytes;
}

static int64_t file_of(const struct soak_sample *sample)
{
    return sample->database_bytes;
}

static int64_t wal_of(const struct soak_sample *sample)
{
    return sample->wal_bytes;
}

static const struct {
    const char *what;
    int64_t (*of)(const struct soak_sample *sample);
    double factor;
    int64_t slack;
} bounds[] = {
    {"the heap", heap_of, 1.1, HEAP_SLACK_BYTES},
    {"resident memory", resident_of, 1.1, RESIDENT_SLACK_BYTES},
    {"the database", file_of, 1.5, FILE_SLACK_BYTES},
    {"its -wal file", wal_of, 1.5, FILE_SLACK_BYTES},
};

/* After a week nothing may need more than it did in that week. */
static void check_growth(struct soak *soak, const struct soak_sample *now)
{
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        int64_t most = 0;

        for (size_t day = 0; day < soak->sample_count && day < WARM_DAYS; day++) {
            if (bounds[i].of(&soak->samples[day]) > most)
                most = bounds[i].of(&soak->samples[day]);
        }
        if (soak->sample_count >= WARM_DAYS &&
            (double)bounds[i].of(now) > (double)most * bounds[i].factor + (double)bounds[i].slack)
            soak_broken(soak, "day %d: %s has grown to %lld bytes, from %lld in the first week", now->day,
                        bounds[i].what, (long long)bounds[i].of(now), (long long)most);
    }
}

/* What is older than `history` is gone, whatever it is. */
static void check_age(struct soak *soak)
{
    static const struct {
        const char *what, *sql;
    } rows[] = {
        {"notifications", "SELECT count(*) FROM notifications WHERE received_ms < ?1"},
        {"decisions", "SELECT count(*) FROM decisions WHERE at_ms < ?1"},
        {"actions", "SELECT count(*) FROM actions WHERE ended_ms > 0 AND ended_ms < ?1"},
        {"steps", "SELECT count(*) FROM steps WHERE ended_ms < ?1 - 86400000"},
        {"splits", "SELECT count(*) FROM splits WHERE seen_ms < ?1"},
        {"goals", "SELECT count(*) FROM goals WHERE action_id NOT IN (SELECT id FROM actions) OR ?1 < 0"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t old = soak_ask(soak, rows[i].sql, NULL, soak->world->clock.ms - KEPT_MS);

        if (old > 0)
            soak_broken(soak, "day %d: %lld %s are older than the history", soak->day, (long long)old,
                        rows[i].what);
    }
}

static void check(struct soak *soak, const struct soak_sample *now)
{
    if (now->held_bytes > HELD_MAX_BYTES)
        soak_broken(soak, "day %d: the program holds %lld bytes", now->day, (long long)now->held_bytes);
    if (soak->sample_count > 0 && now->descriptors != soak->samples[0].descriptors)
        soak_broken(soak, "day %d: %d descriptors are open, there were %d", now->day, now->descriptors,
                    soak->samples[0].descriptors);
    check_growth(soak, now);
    check_age(soak);
}

/* ---- the sample of a day */

void soak_sample(struct soak *soak)
{
    struct world *world = soak->world;
    struct soak_sample sample = {.day = soak->day,
                                 .live_bytes = live_bytes(),
                                 .resident_bytes = resident_bytes(),
                                 .descriptors = descriptors(),
                                 .database_bytes = file_bytes(world->database, ""),
                                 .wal_bytes = file_bytes(world->database, "-wal")};

    for (size_t i = 0; soak_tables[i] != NULL; i++) {
        char sql[64];

        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", soak_tables[i]);
        sample.rows[i] = soak_ask(soak, sql, NULL, 0);
    }
    soak->actions = soak_ask(soak, "SELECT seq FROM sqlite_sequence WHERE name = 'actions'", NULL, 0);
    world_stop(world);
    sample.held_bytes = sample.live_bytes - live_bytes();
    world_start(world);
    check(soak, &sample);
    soak->samples = must_realloc(soak->samples, soak->sample_count + 1, sizeof(*soak->samples));
    soak->samples[soak->sample_count++] = sample;
}

/* ---- what is told */

static double mib(int64_t bytes)
{
    return (double)bytes / 1048576;
}

static void print_sample(const struct soak_sample *sample)
{
    printf("%4d %9.2f %9.2f %9.1f %9.2f %8.2f %4d ", sample->day, mib(sample->held_bytes),
           mib(sample->live_bytes), mib(sample->resident_bytes), mib(sample->database_bytes),
           mib(sample->wal_bytes), sample->descriptors);
    for (size_t i = 0; soak_tables[i] != NULL; i++)
        printf(" %*lld", (int)strlen(soak_tables[i]), (long long)sample->rows[i]);
    putchar('\n');
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void soak_print(const struct soak *soak)
{
    const struct {
        const char *what;
        int64_t count;
    } figures[] = {
        {"days", soak->day},
        {"streams", (int64_t)soak->stream_count},
        {"requests to AWS", soak->requests},
        {"requests and writes that met a fault", soak->faults_struck},
        {"messages taken", soak->messages},
        {"actions", soak->actions},
        {"splits, merges and updates", soak->reshards},
        {"restarts", soak->restarts},
    };

    struct rusage usage;

    for (size_t i = 0; i < COUNT_OF(figures); i++)
        printf("%-45s %10lld\n", figures[i].what, (long long)figures[i].count);
    for (int i = 0; i < soak_trouble_count; i++)
        printf("  %-43s %10lld\n", soak_trouble_name(i), (long long)soak->troubles[i]);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%-45s %10.0f\n%-45s %10.0f\n", "seconds of the clock",
           (double)(clock_monotonic_ns() - soak->start_ns) / 1e9, "seconds of the processor",
           seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime));
    printf("\n day  held MiB  heap MiB   RSS MiB    db MiB  wal MiB  fds ");
    for (size_t i = 0; soak_tables[i] != NULL; i++)
        printf(" %s", soak_tables[i]);
    putchar('\n');
    for (size_t i = 0; i < soak->sample_count; i++)
        print_sample(&soak->samples[i]);
    for (size_t i = 0; i < soak->violation_count && i < VIOLATIONS_KEPT; i++)
        printf("BROKEN: %s\n", soak->violations[i]);
}
