/*
 * settings.h - every setting once.
 *
 * Parsing, range check, default, `check --explain`, the comments in
 * streams.conf and the table in README.md all come from this table.
 */
#ifndef SCALING_SETTINGS_H
#define SCALING_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

enum setting_scope { SCOPE_SERVICE, SCOPE_STREAM }; /* SCOPE_STREAM: in [defaults] and in [stream NAME] */
enum setting_type {
    TYPE_COUNT,    /* int64_t */
    TYPE_PERCENT,  /* double, a fraction */
    TYPE_DURATION, /* int64_t, milliseconds */
    TYPE_CHOICE,   /* int64_t, index into `choices` */
    TYPE_TEXT,     /* char[size] */
    TYPE_ADDRESS,  /* char[size], "host:port" */
    TYPE_TOPICS,   /* the list of topic ARNs */
};

struct setting {
    const char *name;
    enum setting_scope scope;
    enum setting_type type;
    size_t offset; /* in service_config or stream_config */
    size_t size;   /* TEXT, ADDRESS: of the array */
    double minimum, maximum;
    const char *unit;     /* "shards", "% of capacity", "duration", "choice", "address"... */
    const char *choices;  /* "split|update-shard-count|auto", else NULL */
    const char *fallback; /* the default as one would write it; NULL: must be given; "": may be left out */
    const char *help;     /* one sentence */
};

const struct setting *settings(size_t *ret_count);

#endif
