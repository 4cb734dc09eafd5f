/*
 * config.h - streams.conf: what the operator asked for.
 *
 * Pure: text in, struct or faults out.  A file with one fault is refused whole,
 * with every fault named.  The settings themselves are one table (settings.h).
 *
 *     [service]            once; how the program runs
 *     [defaults]           once; for all streams
 *     [stream NAME]        once per stream; overrides [defaults]
 *     [stream orders-*]    for all streams that exist and match; the most exact section holds
 *
 * `key = value` in UTF-8; `#` or `;` begins a comment at the start of a line or after a
 * blank; blank lines and blanks around keys and values do not count.
 */
#ifndef SCALING_CONFIG_H
#define SCALING_CONFIG_H

#include "base/error.h"
#include "base/names.h"
#include "scaling/floors.h"
#include "scaling/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resharding { RESHARDING_SPLIT, RESHARDING_UPDATE, RESHARDING_AUTO };
enum alarm_level { ALARM_LEVEL_STREAM, ALARM_LEVEL_SHARD };
enum threshold_basis { BASIS_EFFECTIVE, BASIS_COUNT };
enum missing_data { MISSING_AUTO, MISSING_IDLE, MISSING_UNKNOWN };
enum policy { POLICY_CLASSIC, POLICY_ADAPTIVE };
enum scale_down_schedule { SCHEDULE_OFF, SCHEDULE_INTERNAL };

enum { TOPICS_MAX = 16, ADDRESS_SIZE = 256, PATH_SIZE = 1024 };

struct setting;

struct service_config {
    char database[PATH_SIZE];
    char listen[ADDRESS_SIZE];        /* "host:port"; IPv6 as "[::1]:8080" */
    char admin_listen[ADDRESS_SIZE];  /* a loopback address, or there is a token */
    char admin_token_file[PATH_SIZE]; /* "" when the admin routes ask for no token */
    char region[64];                  /* "" when it comes from the environment */
    char profile[128];                /* "" for the default profile */
    char topic_arns[TOPICS_MAX][256];
    size_t topic_count;
    char public_url[512];            /* where SNS reaches the daemon, for provision; "" when it is not said */
    char tls_certificate[PATH_SIZE]; /* "" for plain HTTP (behind a proxy) */
    char tls_key[PATH_SIZE];
    int64_t workers; /* threads that take turns, 1..64 */
    int64_t reconcile_every_ms;
    int64_t history_ms;          /* how long what has ended is kept */
    int64_t scale_down_schedule; /* enum scale_down_schedule */
    char log_level[8];           /* "debug", "info", "warn", "error" */
};

/* One stream after defaults are applied.  Fractions are 0..1. */
struct stream_config {
    char name[STREAM_NAME_SIZE];
    char pattern[STREAM_NAME_SIZE]; /* under which it was found; "" when it has a section of its own */
    int64_t min_shards;
    int64_t max_shards;
    int64_t desired_shards; /* only when the stream is created; min_shards unless given */
    bool desired_given;
    double scale_up_threshold; /* of capacity: where the alarms stand */
    double target_utilization; /* of capacity: what a scale-up leaves at most */
    int64_t cooldown_ms;
    double scale_down_threshold;
    int64_t scale_down_every_ms;
    int64_t scale_down_window_ms;
    int64_t alarm_level;     /* enum alarm_level */
    int64_t alarm_period_ms; /* of alarms this program makes */
    int64_t resharding;      /* enum resharding */
    int64_t threshold_basis; /* enum threshold_basis */
    int64_t missing_data;    /* enum missing_data */
    int64_t policy;          /* enum policy */
    struct floors floors;    /* scheduled */
    int64_t floor_shards;    /* what min_shards was raised to by config_raise_floor(); 0 as it is read */
    int line;                /* of the [stream NAME] line */
};

/* Never changed once it is read: threads share one, each holding it as long as it looks at it. */
struct config {
    struct service_config service;
    struct stream_config defaults; /* name "" */
    /* Those with a section of their own, in the order of the file; then those found under a pattern, by name. */
    struct stream_config *streams;
    size_t stream_count;
    const struct stream_config **by_name; /* the same, sorted by name: for config_find() */
    struct stream_config *patterns;       /* name: the pattern; the most exact one first */
    size_t pattern_count;
    atomic_int holders; /* besides the first */
};

/* Everything that is wrong with a file, one line each: "streams.conf:12: max_shards must be ...".
 * When there is more than CONFIG_FAULTS_MAX, the last line says so. */
struct fault_list {
    char **texts;
    size_t count;
};
void fault_list_clear(struct fault_list *faults);

enum {
    CONFIG_SIZE_MAX = 4 * 1024 * 1024,
    CONFIG_STREAMS_MAX = 100000,
    CONFIG_PATTERNS_MAX = 256,
    CONFIG_FAULTS_MAX = 100
};

/*
 * `file` is only for the messages.  0: *ret_config is the caller's (config_free).  -1: `faults`
 * has at least one line, sorted by line number, and err (ERROR_CONFIG) the first of them.
 * `faults` is set in either case (empty after 0) and the caller's to clear.
 */
int config_parse(const char *text, size_t length, const char *file, struct config **ret_config,
                 struct fault_list *faults, struct error *err);
/* Reads the file (up to CONFIG_SIZE_MAX), then as above. */
int config_load(const char *path, struct config **ret_config, struct fault_list *faults, struct error *err);
/* The same of a file that was loaded before: a pipe, which has no more to say, is refused and not waited for. */
int config_load_again(const char *path, struct config **ret_config, struct fault_list *faults,
                      struct error *err);
/* One more holder; returns `config`.  Each ends with config_free(). */
struct config *config_hold(struct config *config);
/* The last holder's call frees it.  Accepts NULL. */
void config_free(struct config *config);

/* "classic" or "adaptive" */
const char *config_policy_name(const struct stream_config *stream);
/* Has the setting another value here than the program has by itself, and than `inherited` has (NULL: nothing)? */
bool config_differs(const struct stream_config *stream, const struct stream_config *inherited,
                    const struct setting *setting);

/* 1 to STREAM_NAME_MAX letters, digits, '_', '.' and '-'.  Not a pattern. */
bool config_is_stream_name(const char *name);
/* NULL when it neither has a section of its own nor was found under a pattern.  Logarithmic. */
const struct stream_config *config_find(const struct config *config, const char *stream);
/* As above; else what the most exact pattern says of it, put into `room`: the stream need not have been found yet. */
const struct stream_config *config_resolve(const struct config *config, const char *stream,
                                           struct stream_config *room);
/* Does a section or a pattern speak of this stream? */
bool config_covers(const struct config *config, const char *stream);
/*
 * The same configuration with those of `names` that only a pattern matches, instead of those it had; a new one, the
 * caller's.  NULL when it would be the same.
 */
struct config *config_with_found(const struct config *config, const struct names *names);
/* The same configuration as if it had no other stream and no pattern; a new one, the caller's.  NULL when neither a
 * section nor a pattern speaks of the stream. */
struct config *config_only(const struct config *config, const char *stream);

enum config_change_kind { CHANGE_SETTING, CHANGE_ADDED, CHANGE_REMOVED };
struct config_change {
    enum config_change_kind kind;
    const char *section;   /* "service", the stream's name, or the pattern */
    const char *setting;   /* the rest with CHANGE_SETTING */
    const char *from, *to; /* as one would write them; good until the function returns */
    bool restart;          /* counts only after a restart */
};
typedef void config_change_fn(void *context, const struct config_change *change);
/* Calls `change` for all that is different in `after`. */
void config_compare(const struct config *before, const struct config *after, config_change_fn *change,
                    void *context);
/* What counts only after a restart is in `config` as it is in `running`; nobody else may hold `config` yet. */
void config_keep_restart_settings(struct config *config, const struct config *running);

/* The minimum of the hour: where a scheduled floor asks for more than min_shards, that is raised to it, never above
 * max_shards.  Times as in floors_needed(). */
void config_raise_floor(struct stream_config *stream, int64_t open, int64_t now_ms, int64_t slack_ms);
/* The setting that min_shards is from: "min_shards" or "floor". */
const char *config_minimum_name(const struct stream_config *stream);

/* Is this topic on the list? */
bool config_has_topic(const struct config *config, const char *topic_arn);

#endif
