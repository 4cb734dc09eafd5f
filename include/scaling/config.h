/*
 * config.h - streams.conf: what the operator asked for.
 *
 * Pure: text in, struct or faults out.  A file with one fault is refused whole,
 * with every fault named.  The settings themselves are one table (settings.h).
 *
 *     [service]            once; how the program runs
 *     [defaults]           once; for all streams
 *     [stream NAME]        once per stream; overrides [defaults]
 *
 * `key = value` in UTF-8; `#` or `;` begins a comment at the start of a line or after a
 * blank; blank lines and blanks around keys and values do not count.
 */
#ifndef SCALING_CONFIG_H
#define SCALING_CONFIG_H

#include "base/error.h"
#include "scaling/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resharding { RESHARDING_SPLIT, RESHARDING_UPDATE, RESHARDING_AUTO };
enum alarm_level { ALARM_LEVEL_STREAM, ALARM_LEVEL_SHARD };
enum threshold_basis { BASIS_EFFECTIVE, BASIS_COUNT };
enum missing_data { MISSING_AUTO, MISSING_IDLE, MISSING_UNKNOWN };
enum scale_down_schedule { SCHEDULE_OFF, SCHEDULE_INTERNAL };

enum { TOPICS_MAX = 16, ADDRESS_SIZE = 256, PATH_SIZE = 1024 };

struct service_config {
    char database[PATH_SIZE];
    char listen[ADDRESS_SIZE]; /* "host:port"; IPv6 as "[::1]:8080" */
    char admin_listen[ADDRESS_SIZE];
    char region[64];   /* "" when it comes from the environment */
    char profile[128]; /* "" for the default profile */
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
    int64_t min_shards;
    int64_t max_shards;
    int64_t desired_shards;    /* only when the stream is created; min_shards unless given */
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
    int line;                /* of the [stream NAME] line */
};

struct config {
    struct service_config service;
    struct stream_config defaults; /* name "" */
    struct stream_config *streams; /* in the order of the file */
    size_t stream_count;
    const struct stream_config **by_name; /* the same, sorted by name: for config_find() */
};

/* Everything that is wrong with a file, one line each: "streams.conf:12: max_shards must be ...".
 * When there is more than CONFIG_FAULTS_MAX, the last line says so. */
struct fault_list {
    char **texts;
    size_t count;
};
void fault_list_clear(struct fault_list *faults);

enum { CONFIG_SIZE_MAX = 4 * 1024 * 1024, CONFIG_STREAMS_MAX = 100000, CONFIG_FAULTS_MAX = 100 };

/*
 * `file` is only for the messages.  0: *ret_config is the caller's (config_free).  -1: `faults`
 * has at least one line, sorted by line number, and err (ERROR_CONFIG) the first of them.
 * `faults` is set in either case (empty after 0) and the caller's to clear.
 */
int config_parse(const char *text, size_t length, const char *file, struct config **ret_config,
                 struct fault_list *faults, struct error *err);
/* Reads the file (up to CONFIG_SIZE_MAX), then as above. */
int config_load(const char *path, struct config **ret_config, struct fault_list *faults, struct error *err);
void config_free(struct config *config);

/* NULL when it is not configured.  Logarithmic. */
const struct stream_config *config_find(const struct config *config, const char *stream);
/* Is this topic on the list? */
bool config_has_topic(const struct config *config, const char *topic_arn);

#endif
