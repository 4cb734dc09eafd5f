/*
 * bed.h - the daemon, as a process of its own, between a simulated AWS that keeps time and an SNS whose
 * messages the bench carries itself.
 *
 * Everything goes over loopback, signed both ways.  What the simulated AWS takes for an answer is measured, so that
 * it can be told from what the daemon takes.  The program is $KINESCALE, or beside the bench's own folder.
 * A bench is no test: what goes wrong ends it with a message.
 */
#ifndef TESTS_BENCH_BED_H
#define TESTS_BENCH_BED_H

#include "sim/sim.h"

#include <sys/types.h>

#define BED_STREAM "stream-%04d" /* 0, 1, 2... */
enum { BED_STREAM_SIZE = 20 };

struct bed;

struct bed_options {
    int streams;         /* at 70 % of what one shard takes, with three alarms each that are OK */
    int shards;          /* of each; 0: 1 */
    int64_t warm_up_ms;  /* for which they have been there; 0: ten minutes */
    bool no_daemon;      /* only AWS and a configuration, for bed_run() */
    int connections;     /* that messages are posted over at the same time; 0: 1 */
    double speed;        /* of simulated time */
    int latency_ms;      /* that the simulated AWS adds to each answer */
    int not_found_ms;    /* that it adds to its answer when a certificate is not there */
    const char *service; /* lines for [service]; NULL: none */
};

/* Comes back when the daemon is ready, its subscription confirmed and every stream looked at. */
struct bed *bed_start(const struct bed_options *options);
void bed_stop(struct bed *bed);
/* Runs a command of the program to its end; its exit code. */
int bed_run(struct bed *bed, const char *command, const char *option);
/* How many calls of an operation came in after `since_ns`. */
int bed_count(struct bed *bed, const char *operation, int64_t since_ns);
pid_t bed_daemon(const struct bed *bed);
int bed_port(const struct bed *bed);
int bed_admin_port(const struct bed *bed);
const char *bed_folder(const struct bed *bed); /* where its database is */

/* Sets the alarm on bytes to ALARM; SNS then has a message for us. */
void bed_alarm(struct bed *bed, int stream);
/* Publishes an alarm message of this stream by hand. */
void bed_publish(struct bed *bed, int stream);
/* The next message that SNS wants to be delivered; ends the bench when there is none. */
void bed_take(struct bed *bed, struct sim_delivery *ret_delivery);
/* Posts it as SNS does, over connection 0 and up (one thread each); the status that was answered. */
int bed_post(struct bed *bed, int connection, const struct sim_delivery *delivery);
/* Posts all of them over so many connections at once; each must be answered 200.  Seconds, and how long each took. */
double bed_post_all(struct bed *bed, int connections, const struct sim_delivery *deliveries, int count,
                    double *ret_took_ms);
/* Over a connection of its own. */
int bed_post_alone(const struct bed *bed, const struct sim_delivery *delivery);

/* What the simulated AWS was asked for one stream between two moments. */
struct bed_calls {
    int round_trips;
    int64_t aws_ns;   /* spent in the simulated AWS, its latency included */
    int64_t split_ns; /* when the first SplitShard came in */
};
/* Waits for a SplitShard of the stream that came after `since_ns`, and looks back from there. */
struct bed_calls bed_wait_split(struct bed *bed, int stream, int64_t since_ns);

/* ---- what the daemon and the kernel tell of the daemon */

/* GET /metrics, which the caller clears; false when nobody answers. */
bool bed_metrics(const struct bed *bed, struct buffer *metrics);
int64_t bed_metric(const struct bed *bed, const char *name);
/* "VmRSS", "VmHWM"... of /proc/PID/status. */
double bed_mebibytes(const struct bed *bed, const char *name);

/* ---- what is told of many measurements */

/* `start_ns` of clock_monotonic_ns() */
double bed_milliseconds_since(int64_t start_ns);
/* `percent` 50 or 99; sorts the values. */
double bed_percentile(double *values, size_t count, double percent);
__attribute__((format(printf, 2, 3))) void bed_row(const char *what, const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void bed_fail(const char *format, ...);

#endif
