/*
 * What a flood costs: of genuine notifications, of connections that say little, and of forged messages.
 *
 * The flood comes from this process, on the same machine: what the daemon takes and what the flood takes is not told
 * apart, so a latency here is more than it would be from elsewhere.
 */
#include "bed.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STREAMS = 1000,
    MESSAGES = 10000,
    REPEATS = 1000,
    PROBES = 40, /* genuine messages during each of the other floods */
    PROBE_PAUSE_MS = 100,
    FLOODS = 3,
    CONNECTIONS = 256,
    SLOW = 1000,
    SLOW_AGAIN = 3000,
    FORGERS = 18,        /* three of each kind */
    NOT_FOUND_MS = 4000, /* that it takes SNS to say that there is no such certificate */
    HUGE_BODY = 2000000,
    FILES = 8192,
};

struct load {
    struct bed *bed;
    struct sim_delivery *deliveries;
    double *took_ms;
};

/* ---- genuine */

static int64_t stored(const struct bed *bed)
{
    sqlite3_stmt *row = NULL;
    sqlite3 *db = NULL;
    char path[300];
    int64_t count;

    snprintf(path, sizeof(path), "%s/kinescale.db", bed_folder(bed));
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(
            db,
            "SELECT count(DISTINCT message_id) * (count(*) = count(DISTINCT message_id)) FROM notifications",
            -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW)
        bed_fail("cannot read '%s'", path);
    count = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return count;
}

static void flood_with_genuine_ones(struct load *load)
{
    struct bed *bed = load->bed;
    double seconds = bed_post_all(bed, CONNECTIONS, load->deliveries, MESSAGES, load->took_ms);
    int64_t commits = bed_metric(bed, "kinescale_sns_commits_total");
    double p50 = bed_percentile(load->took_ms, MESSAGES, 50);
    double p99 = bed_percentile(load->took_ms, MESSAGES, 99);

    bed_row("10,000 notifications for 1,000 streams, 256 connections", "%8.0f /s", MESSAGES / seconds);
    bed_row("  each", "p50 %6.1f ms   p99 %6.1f ms   max %6.1f ms", p50, p99, load->took_ms[MESSAGES - 1]);
    bed_row("  waits for the disk", "%8lld, %.1f notifications each", (long long)commits,
            (double)MESSAGES / (double)commits);
    (void)bed_post_all(bed, CONNECTIONS, load->deliveries, REPEATS, load->took_ms);
    if (stored(bed) != MESSAGES)
        bed_fail("%d notifications were answered 200, %lld are stored", MESSAGES, (long long)stored(bed));
    bed_row("  stored, each once, after 1,000 were sent again", "%8lld", (long long)stored(bed));
    bed_row("  turns that failed meanwhile", "%8lld",
            (long long)bed_metric(bed, "kinescale_turns_total{result=\"failed\"}"));
    bed_row("  resident memory of the daemon, at most", "%8.1f MiB", bed_mebibytes(bed, "VmHWM"));
}

/* ---- strangers */

static int connect_to(const struct bed *bed)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)bed_port(bed)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (client < 0 || setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0 ||
        connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
        bed_fail("cannot connect");
    return client;
}

static bool say(int client, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t went = send(client, text, length, MSG_NOSIGNAL);

        if (went <= 0)
            return false;
        text += went;
        length -= (size_t)went;
    }
    return true;
}

/* One message over a connection of its own, as often as there are probes; the last one is the slowest. */
static void probe(struct load *load, int flood, const char *what)
{
    double *took_ms = &load->took_ms[MESSAGES + flood * PROBES];
    double p50;

    for (int i = 0; i < PROBES; i++) {
        int64_t start_ns;
        int status;

        clock_sleep_ms(clock_system(), PROBE_PAUSE_MS);
        start_ns = clock_monotonic_ns();
        status = bed_post_alone(load->bed, &load->deliveries[MESSAGES + flood * PROBES + i]);
        took_ms[i] = bed_milliseconds_since(start_ns);
        if (status != 200)
            bed_fail("%s: a genuine notification was answered %d", what, status);
    }
    p50 = bed_percentile(took_ms, PROBES, 50);
    bed_row(what, "p50 %6.1f ms   max %6.1f ms", p50, took_ms[PROBES - 1]);
}

#define HEAD "POST /sns HTTP/1.1\r\nHost: x\r\nx-amz-sns-message-type: Notification\r\n"
static const char *const slow_ones[] = {"", "POST", HEAD, HEAD "Content-Length: 1000\r\n\r\n",
                                        HEAD "Content-Length: 1000\r\n\r\n{\"Type\""};

static void flood_with_slow_ones(struct load *load, int flood, int count)
{
    int *clients = must_calloc((size_t)count, sizeof(*clients));
    char what[80];

    for (int i = 0; i < count; i++) {
        const char *words = slow_ones[(size_t)i % COUNT_OF(slow_ones)];

        clients[i] = connect_to(load->bed);
        (void)say(clients[i], words, strlen(words));
    }
    snprintf(what, sizeof(what), "a genuine one beside %d slow connections", count);
    probe(load, flood, what);
    for (int i = 0; i < count; i++)
        (void)close(clients[i]);
    free(clients);
}

/* The caller frees. */
static char *replaced(const char *text, const char *part, const char *by)
{
    const char *found = strstr(text, part);

    if (found == NULL)
        bed_fail("there is no '%s' in the message", part);
    return must_printf("%.*s%s%s", (int)(found - text), text, by, found + strlen(part));
}

enum forgery { BAD_SIGNATURE, WRONG_TOPIC, WRONG_HOST, WRONG_NAME, GARBAGE, HUGE_ONE, FORGERIES };

static char *forge(const char *body, enum forgery forgery, int number)
{
    char name[96], *padding, *forged;

    switch (forgery) {
    case BAD_SIGNATURE:
        return replaced(body, "Threshold Crossed", "Threshold crossed");
    case WRONG_TOPIC:
        return replaced(body, ":kinescale\"", ":kinescalf\"");
    case WRONG_HOST:
        return replaced(body, "http://127.0.0.1:", "http://127.0.0.1.example.com:");
    case WRONG_NAME: /* as plausible as it gets */
        snprintf(name, sizeof(name), "/SimpleNotificationService-%032x.pem\",\"X\":\"", (unsigned)number);
        return replaced(body, "/SimpleNotificationService-", name);
    case GARBAGE:
        return must_printf("%032x", (unsigned)number);
    case HUGE_ONE:
        padding = must_calloc(1, HUGE_BODY + 1);
        memset(padding, 'x', HUGE_BODY);
        forged = replaced(body, "Threshold Crossed", padding);
        free(padding);
        return forged;
    case FORGERIES:
        break;
    }
    return must_strdup("");
}

struct forger {
    struct load *load;
    int number;
    atomic_bool *over;
    int sent, answered[600];
    pthread_t thread;
};

/* The status; 0 when the connection was closed. */
static int exchange(int client, const char *body)
{
    char head[256], heard[1024];
    int length = snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", strlen(body));
    ssize_t got;

    if (!say(client, head, (size_t)length) || !say(client, body, strlen(body)))
        return 0;
    got = recv(client, heard, sizeof(heard) - 1, 0); /* an answer is one segment */
    if (got < 12)
        return 0;
    heard[got] = '\0';
    return (int)strtol(heard + 9, NULL, 10);
}

static void *forge_on(void *context)
{
    struct forger *forger = context;
    const char *body = forger->load->deliveries[MESSAGES].body;
    int client = connect_to(forger->load->bed);

    for (int i = forger->number; !atomic_load(forger->over); i += FORGERS) {
        char *forged = forge(body, (enum forgery)(forger->number % FORGERIES), i);
        int status = exchange(client, forged);

        free(forged);
        forger->answered[status < 600 ? status : 0]++;
        forger->sent++;
        if (status != 403) { /* refused by its headers: the rest of it lies on the connection */
            (void)close(client);
            client = connect_to(forger->load->bed);
        }
    }
    (void)close(client);
    return NULL;
}

static void flood_with_forged_ones(struct load *load, int flood)
{
    static struct forger forgers[FORGERS];
    atomic_bool over = false;
    int64_t start_ns = clock_monotonic_ns();
    int64_t fetches = bed_metric(load->bed, "kinescale_certificate_fetches_total");
    int sent = 0, refused = 0, put_off = 0, taken = 0;
    double seconds;

    for (int i = 0; i < FORGERS; i++) {
        forgers[i] = (struct forger){.load = load, .number = i, .over = &over};
        if (pthread_create(&forgers[i].thread, NULL, forge_on, &forgers[i]) != 0)
            bed_fail("cannot start a thread");
    }
    probe(load, flood, "a genuine one beside forged ones over 18 connections");
    atomic_store(&over, true);
    for (int i = 0; i < FORGERS; i++) {
        pthread_join(forgers[i].thread, NULL);
        sent += forgers[i].sent;
        refused += forgers[i].answered[403];
        put_off += forgers[i].answered[503];
        taken += forgers[i].answered[200];
    }
    seconds = bed_milliseconds_since(start_ns) / 1000;
    if (taken > 0)
        bed_fail("%d forged messages were taken", taken);
    bed_row("  forged messages, of six kinds", "%8d in %.1f s: %d refused, %d put off, 0 taken", sent,
            seconds, refused, put_off);
    bed_row("  certificates fetched for them", "%8lld",
            (long long)(bed_metric(load->bed, "kinescale_certificate_fetches_total") - fetches));
    bed_row("  resident memory of the daemon, at most", "%8.1f MiB", bed_mebibytes(load->bed, "VmHWM"));
}

int main(void)
{
    enum { ALL = MESSAGES + FLOODS * PROBES };
    struct bed_options options = {
        .streams = STREAMS, .speed = 1, .connections = CONNECTIONS, .not_found_ms = NOT_FOUND_MS};
    struct load load = {.deliveries = must_calloc(ALL, sizeof(*load.deliveries)),
                        .took_ms = must_calloc(ALL, sizeof(*load.took_ms))};
    struct rlimit files = {FILES, FILES};

    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        bed_fail("%d files cannot be opened", FILES);
    load.bed = bed_start(&options);
    for (int i = 0; i < ALL; i++) { /* SNS keeps some thousands at most */
        bed_publish(load.bed, i % STREAMS);
        bed_take(load.bed, &load.deliveries[i]);
    }
    flood_with_genuine_ones(&load);
    flood_with_slow_ones(&load, 0, SLOW);
    flood_with_slow_ones(&load, 1, SLOW_AGAIN);
    flood_with_forged_ones(&load, 2);
    for (int i = 0; i < ALL; i++)
        sim_delivery_clear(&load.deliveries[i]);
    bed_stop(load.bed);
    free(load.deliveries);
    free(load.took_ms);
    return 0;
}
