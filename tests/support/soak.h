/*
 * soak.h - weeks in which everything goes wrong at random: many streams, one program, one database.
 *
 * The world is tests/support/world.h.  Ten minutes of it are a slice: before each, loads change and something may go
 * wrong (soak_trouble.c); what must be true all along is looked at while AWS is called and after every slice, the rest
 * when nothing has gone wrong for two hours (soak_check.c).  A broken rule is kept and told at the end, so that one
 * that is broken does not hide the others.  The same seed gives the same weeks.
 */
#ifndef TESTS_SOAK_H
#define TESTS_SOAK_H

#include "world.h"

#include <sqlite3.h>

enum { SLICE_MS = 10 * MINUTE_MS, DAY_SLICES = 144, CALM_SLICES = 12, VIOLATIONS_KEPT = 20 };

struct soak_stream {
    const char *name;
    const struct stream_config *config;
    int64_t back_ms;      /* somebody deleted it, and makes it anew at that time; 0: it is there */
    int64_t paused_ms;    /* until then */
    int64_t last_step;    /* the id of the last step that AWS carried out */
    int64_t disturbed_ms; /* when somebody else last did something to it */
};

/* What the program holds and the machine gives, at the end of a day. */
struct soak_sample {
    int day;
    int64_t live_bytes; /* of the heap, the simulated AWS included */
    int64_t held_bytes; /* of which the program's own: what ending it gives back */
    int64_t resident_bytes;
    int64_t database_bytes, wal_bytes;
    int64_t rows[8]; /* as soak_tables */
    int descriptors;
};
extern const char *const soak_tables[8]; /* NULL behind the last */

enum { SOAK_TROUBLES_MAX = 32 };

struct soak {
    struct world *world;
    struct soak_stream *streams;
    size_t stream_count;
    uint64_t dice;
    sqlite3 *reader; /* a connection of its own */
    int day;
    int64_t off_until_ms; /* the last trouble is not over before then */

    /* figures */
    int64_t start_ns;
    int64_t slices, requests, actions, reshards, restarts, faults_struck, messages;
    int64_t troubles[SOAK_TROUBLES_MAX]; /* by row of the table in soak_trouble.c */
    struct soak_sample *samples;
    size_t sample_count;

    /* rules that were broken */
    char violations[VIOLATIONS_KEPT][256];
    size_t violation_count;
};

struct soak_options {
    size_t streams;
    uint64_t seed;
};
struct soak *soak_new(const struct soak_options *options);
void soak_free(struct soak *soak);
/* Trouble for 22 hours, two hours in which nothing goes wrong, every check, and a sample. */
void soak_day(struct soak *soak);
/* The figures of all days, on standard output. */
void soak_print(const struct soak *soak);

/* ---- among the files of it */

/* From 0 to `sides` - 1. */
int64_t soak_dice(struct soak *soak, int64_t sides);
void soak_broken(struct soak *soak, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One integer; `stream` is bound to the first parameter when it is not NULL, `number` to the next when not 0. */
int64_t soak_ask(struct soak *soak, const char *sql, const char *stream, int64_t number);
/* The end of a process and the beginning of the next: what was not stored is gone. */
void soak_restart(struct soak *soak);

/* soak_trouble.c */
extern const int soak_trouble_count;
const char *soak_trouble_name(int row);
void soak_load(struct soak *soak, struct soak_stream *stream);
/* One that is there now, and has not been disturbed for an hour; NULL when the dice find none. */
struct soak_stream *soak_any_stream(struct soak *soak);
void soak_begin_trouble(struct soak *soak);
void soak_end_trouble(struct soak *soak);
/* What fits, evenly spread; whoever is away comes back. */
void soak_calm(struct soak *soak);

/* soak_check.c */
void soak_watch(struct world *world, const struct aws_request *request, const char *operation);
void soak_check_slice(struct soak *soak, int64_t last_notification, size_t taken_before, bool restarted);
void soak_check_alarms(struct soak *soak);
void soak_check_calm(struct soak *soak);

/* soak_figures.c */
void soak_sample(struct soak *soak);

#endif
