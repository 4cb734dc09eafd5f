/*
 * settings.h - every setting once.
 *
 * Parsing, range check, default, `check --explain`, the comments in
 * streams.conf and the table in README.md all come from this table.
 */
#ifndef SCALING_SETTINGS_H
#define SCALING_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_scope { SCOPE_SERVICE, SCOPE_STREAM }; /* SCOPE_STREAM: in [defaults] and in [stream NAME] */
enum setting_type {
    TYPE_COUNT,    /* int64_t */
    TYPE_PERCENT,  /* double, a fraction */
    TYPE_DURATION, /* int64_t, milliseconds */
    TYPE_PERIOD,   /* int64_t, milliseconds, one that CloudWatch accepts as an alarm's */
    TYPE_CHOICE,   /* int64_t, index into `choices` */
    TYPE_WORD,     /* char[size], one of `choices` */
    TYPE_TEXT,     /* char[size] */
    TYPE_ADDRESS,  /* char[size], "host:port" */
    TYPE_REGION,   /* char[size] */
    TYPE_URL,      /* char[size], http(s)://HOST[:PORT]/PATH */
    TYPE_TOPICS,   /* the list of topic ARNs */
    TYPE_FLOORS,   /* struct floors */
    SETTING_TYPE_COUNT
};

struct setting {
    const char *name;
    enum setting_scope scope;
    enum setting_type type;
    size_t offset;           /* in service_config or stream_config */
    size_t size;             /* of the member */
    double minimum, maximum; /* in the unit of the member; 0 and 0 for texts */
    double step;             /* DURATION: must be a multiple of it, unless 0 */
    const char *unit;        /* "shards", "% of capacity", "duration", "choice", "address"... */
    const char *choices;     /* "split|update-shard-count|auto", else NULL */
    const char *fallback;    /* the default as one would write it; NULL: must be given; "": may be left out */
    const char *example;     /* for the sample; NULL when the fallback will do */
    const char *help;        /* one sentence */
    bool restart;            /* a change of it counts after a restart, not after a reload */
    bool classic;            /* with the policy `adaptive` it decides nothing by itself */
};

enum { SETTINGS_MAX = 32, SETTING_ALLOWED_SIZE = 128, SETTING_VALUE_SIZE = 5120 };

const struct setting *settings(size_t *ret_count);
/* NULL when no setting is called that. */
const struct setting *setting_find(const char *name);
/* "[service]" or "[defaults] or [stream NAME]" */
const char *setting_sections(const struct setting *setting);
/* What may be written, as in "must be ...": "1 to 10000 shards", "split, update-shard-count or auto". */
void setting_allowed(const struct setting *setting, char text[SETTING_ALLOWED_SIZE]);
/* Its value in `source`, a service_config or stream_config, as one would write it. */
void setting_format(const struct setting *setting, const void *source, char text[SETTING_VALUE_SIZE]);

#endif
