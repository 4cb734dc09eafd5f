/*
 * bed.c - see bed.h.  The simulated AWS answers in this process, so that each request can be timed.
 */
#include "bed.h"

#include "aws_request.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "http/server.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { CONNECTIONS_MAX = 256, READY_S = 120, WARM_UP_MS = 10 * 60 * 1000 };

#define TOPIC "arn:aws:sns:" SIM_REGION ":" SIM_ACCOUNT ":kinescale"

struct call {
    char operation[32];
    int stream; /* -1: of none */
    int64_t start_ns, end_ns;
};

struct bed {
    struct bed_options options;
    struct scaled_clock clock;
    struct sim *sim;
    struct http_server *aws;
    char folder[256], url[64], program[200], config[300];
    pid_t daemon;
    int port, admin_port;
    CURL *connections[CONNECTIONS_MAX];
    pthread_mutex_t mutex; /* of the calls */
    struct call *calls;
    size_t call_count;
};

void bed_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1); /* the daemon gets a signal when we end */
}

/* ---- the simulated AWS */

static void operation_of(const struct http_request *request, char *operation, size_t size)
{
    const char *target = request->header(request, "x-amz-target");
    const char *action = strstr(request->body, "Action=");

    if (target != NULL && strchr(target, '.') != NULL)
        snprintf(operation, size, "%s", strrchr(target, '.') + 1);
    else if (action != NULL)
        snprintf(operation, size, "%.*s", (int)strcspn(action + 7, "&"), action + 7);
    else
        snprintf(operation, size, "%s", request->path);
}

/* All names have one length: the first that stands in the body is the one that was meant. */
static int stream_of(const char *body)
{
    const char *found = strstr(body, "stream-");
    char digits[5] = "";
    int64_t number;

    if (found == NULL)
        return -1;
    snprintf(digits, sizeof(digits), "%s", found + strlen("stream-"));
    return number_parse(digits, 0, 9999, &number) ? (int)number : -1;
}

static void keep(struct bed *bed, const struct call *call)
{
    pthread_mutex_lock(&bed->mutex);
    bed->calls = must_realloc(bed->calls, bed->call_count + 1, sizeof(*bed->calls));
    bed->calls[bed->call_count++] = *call;
    pthread_mutex_unlock(&bed->mutex);
}

static const char *header_of(const struct sim_request *request, const char *name)
{
    const struct http_request *http = request->context;

    return http->header(http, name);
}

static void answer(void *context, const struct http_request *request, struct http_response *response)
{
    struct bed *bed = context;
    struct http_request copy = *request;
    struct sim_request aws = {.method = request->method,
                              .path = request->path,
                              .query = request->query,
                              .body = request->body,
                              .body_length = request->body_length,
                              .header = header_of,
                              .context = &copy};
    struct call call = {.start_ns = clock_monotonic_ns(), .stream = stream_of(request->body)};
    struct sim_response answered = {0};

    operation_of(request, call.operation, sizeof(call.operation));
    if (bed->options.latency_ms > 0)
        clock_sleep_ms(clock_system(), bed->options.latency_ms);
    sim_advance(bed->sim, clock_now_ms(&bed->clock.clock));
    sim_answer(bed->sim, &aws, &answered);
    if (answered.status == 404 && bed->options.not_found_ms > 0)
        clock_sleep_ms(clock_system(), bed->options.not_found_ms);
    response->status = answered.status;
    response->content_type = answered.content_type;
    buffer_clear(&response->body);
    response->body = answered.body;
    call.end_ns = clock_monotonic_ns();
    keep(bed, &call);
}

static const struct route routes[] = {
    {"POST", "/", 1024 * 1024, answer},
    {"GET", "/{certificate}", 0, answer},
};

/* A request of the operator; the simulated AWS must take it. */
static void ask(struct bed *bed, const char *service, const char *type, const char *target, const char *body)
{
    const struct test_signature signature = {.access_key_id = SIM_ACCESS_KEY_ID,
                                             .secret = SIM_SECRET_ACCESS_KEY,
                                             .region = SIM_REGION,
                                             .service = service};
    struct test_request request;
    struct sim_response answered = {0};

    test_request_init(&request, "POST", "/", "", body);
    test_request_header(&request, "Content-Type", type);
    test_request_header(&request, "X-Amz-Target", target);
    test_request_sign(&request, &signature);
    sim_advance(bed->sim, clock_now_ms(&bed->clock.clock));
    sim_answer(bed->sim, &request.request, &answered);
    if (answered.status != 200)
        bed_fail("the simulated AWS said %d: %s", answered.status, buffer_text(&answered.body));
    buffer_clear(&answered.body);
}

void bed_alarm(struct bed *bed, int stream)
{
    char body[256];

    snprintf(body, sizeof(body),
             "{\"AlarmName\":\"" BED_STREAM
             "-IncomingBytes\",\"StateValue\":\"ALARM\",\"StateReason\":\"bench\"}",
             stream);
    ask(bed, "monitoring", "application/x-amz-json-1.0", "GraniteServiceVersion20100801.SetAlarmState", body);
}

/* %22 for the quotes, so that the form needs no encoder. */
void bed_publish(struct bed *bed, int stream)
{
    char body[2048];

    snprintf(
        body, sizeof(body),
        "Action=Publish&Version=2010-03-31&TopicArn=" TOPIC "&Message={%%22AlarmName%%22:%%22" BED_STREAM
        "-IncomingBytes%%22,%%22AWSAccountId%%22:%%22" SIM_ACCOUNT
        "%%22,%%22NewStateValue%%22:%%22ALARM%%22,%%22NewStateReason%%22:%%22Threshold+Crossed%%22,"
        "%%22StateChangeTime%%22:%%222026-11-21T08:15:30.123%%2B0000%%22,%%22OldStateValue%%22:%%22OK%%22,"
        "%%22Trigger%%22:{%%22MetricName%%22:%%22IncomingBytes%%22,%%22Namespace%%22:%%22AWS/Kinesis%%22,"
        "%%22StatisticType%%22:%%22Statistic%%22,%%22Statistic%%22:%%22SUM%%22,%%22Dimensions%%22:[{%%22value"
        "%%22:%%22" BED_STREAM
        "%%22,%%22name%%22:%%22StreamName%%22}],%%22Period%%22:60,%%22EvaluationPeriods"
        "%%22:1,%%22ComparisonOperator%%22:%%22GreaterThanThreshold%%22,%%22Threshold%%22:50331648}}",
        stream, stream);
    ask(bed, "sns", "application/x-www-form-urlencoded; charset=utf-8", NULL, body);
}

/* ---- the scene */

static FILE *create(const char *folder, const char *name, char *path, size_t size)
{
    FILE *file;

    snprintf(path, size, "%s/%s", folder, name);
    file = fopen(path, "we");
    if (file == NULL)
        bed_fail("cannot write '%s': %s", path, strerror(errno));
    return file;
}

static void write_scene(struct bed *bed)
{
    char path[300];
    struct error err = {0};
    FILE *file = create(bed->folder, "scene", path, sizeof(path));

    fprintf(file, "topic kinescale signature=2\nsubscribe kinescale http://127.0.0.1:1/sns\n");
    for (int i = 0; i < bed->options.streams; i++)
        fprintf(file,
                "stream " BED_STREAM " shards=%d\nalarms " BED_STREAM " topic=kinescale\n"
                "traffic " BED_STREAM " load=constant:0.7M record=2048\n",
                i, bed->options.shards, i, i);
    if (fclose(file) != 0 || sim_scene_load(bed->sim, path, &err) < 0)
        bed_fail("scene: %s", err.message);
}

/* Has been there for a while, so that there are metrics. */
static void start_aws(struct bed *bed)
{
    struct http_server_options server = {.listen = "127.0.0.1:0",
                                         .routes = routes,
                                         .route_count = COUNT_OF(routes),
                                         .context = bed,
                                         .threads = 16};
    struct sim_options sim = {.shard_limit = 100000,
                              .metric_delay_ms = -1,
                              .split_ms = 1000,
                              .public_url = bed->url,
                              .check_signatures = true};
    struct error err = {0};

    clock_scaled_init(&bed->clock, clock_now_ms(clock_system()), bed->options.speed);
    sim.start_ms = bed->clock.base_ms - bed->options.warm_up_ms;
    if (http_server_start(&server, &bed->aws, &err) < 0)
        bed_fail("%s", err.message);
    snprintf(bed->url, sizeof(bed->url), "http://127.0.0.1:%d", http_server_port(bed->aws));
    bed->sim = sim_new(&sim);
    write_scene(bed);
    sim_advance(bed->sim, bed->clock.base_ms);
}

static void write_config(struct bed *bed)
{
    FILE *file = create(bed->folder, "streams.conf", bed->config, sizeof(bed->config));

    fprintf(file,
            "[service]\ndatabase = %s/kinescale.db\nlisten = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n"
            "topic_arn = " TOPIC "\n%s[defaults]\npolicy = classic\n",
            bed->folder, bed->options.service != NULL ? bed->options.service : "");
    for (int i = 0; i < bed->options.streams; i++)
        fprintf(file, "[stream " BED_STREAM "]\n", i);
    if (fclose(file) != 0)
        bed_fail("cannot write '%s'", bed->config);
}

/* ---- the daemon */

/* For the daemon: the simulated account and nothing of the operator's own. */
static void set_environment(const struct bed *bed)
{
    static const char *const foreign[] = {
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_KINESIS",
        "AWS_ENDPOINT_URL_CLOUDWATCH",
        "AWS_ENDPOINT_URL_SNS",
        "AWS_ENDPOINT_URL_STS",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "http_proxy",
        "all_proxy",
        "ALL_PROXY",
    };

    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        unsetenv(foreign[i]);
    setenv("AWS_ENDPOINT_URL", bed->url, 1);
    setenv("AWS_REGION", SIM_REGION, 1);
    setenv("AWS_ACCESS_KEY_ID", SIM_ACCESS_KEY_ID, 1);
    setenv("AWS_SECRET_ACCESS_KEY", SIM_SECRET_ACCESS_KEY, 1);
}

/* A process that tells what it does in the log; `option` may be NULL. */
static pid_t start(struct bed *bed, const char *command, const char *option)
{
    char clock[64], log[300];
    int descriptor;
    pid_t pid;

    set_environment(bed);
    snprintf(clock, sizeof(clock), "%lld@%g", (long long)bed->clock.base_ms, bed->clock.speed);
    snprintf(log, sizeof(log), "%s/log", bed->folder);
    descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (descriptor < 0)
        bed_fail("cannot write '%s': %s", log, strerror(errno));
    pid = fork();
    if (pid < 0)
        bed_fail("cannot start the program: %s", strerror(errno));
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a bench that fails leaves nothing running */
        if (dup2(descriptor, STDOUT_FILENO) >= 0 && dup2(descriptor, STDERR_FILENO) >= 0)
            execl(bed->program, bed->program, command, "--config", bed->config, "--clock", clock, option,
                  NULL);
        _exit(1);
    }
    (void)close(descriptor);
    return pid;
}

int bed_run(struct bed *bed, const char *command, const char *option)
{
    pid_t pid = start(bed, command, option);
    int status = 0;

    if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        bed_fail("%s ended with status %d: see %s/log", command, status, bed->folder);
    return WEXITSTATUS(status);
}

/* The number behind ` name=` in the line that says "serving". */
static int announced(const char *log, const char *name)
{
    const char *line = strstr(log, " serving ");
    const char *found = line != NULL ? strstr(line, name) : NULL;
    char digits[8] = "";
    int64_t number;

    if (found == NULL)
        return 0;
    found += strlen(name);
    snprintf(digits, sizeof(digits), "%.*s", (int)strspn(found, "0123456789"), found);
    return number_parse(digits, 1, 65535, &number) ? (int)number : 0;
}

static void read_ports(struct bed *bed)
{
    static char text[65536];
    char path[300];
    size_t length = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/log", bed->folder);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    length = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    bed->port = announced(text, " port=");
    bed->admin_port = announced(text, " admin_port=");
}

static bool metrics_have(const struct bed *bed, const char *line)
{
    SCOPED(buffer_clear) struct buffer metrics;

    return bed_metrics(bed, &metrics) && strstr(buffer_text(&metrics), line) != NULL;
}

static void wait_for(struct bed *bed, const char *line)
{
    for (int tries = 0; tries < READY_S * 10; tries++) {
        if (bed->port == 0)
            read_ports(bed);
        else if (metrics_have(bed, line))
            return;
        if (waitpid(bed->daemon, NULL, WNOHANG) != 0)
            bed_fail("the daemon ended: see %s/log", bed->folder);
        clock_sleep_ms(clock_system(), 100);
    }
    bed_fail("the daemon never said '%s': see %s/log", line, bed->folder);
}

static void find_program(char *program, size_t size, char *folder, size_t folder_size)
{
    const char *given = getenv("KINESCALE");
    char *slash;

    snprintf(program, size, "%s", given != NULL ? given : "build/release/kinescale");
    snprintf(folder, folder_size, "%s", program);
    slash = strrchr(folder, '/');
    if (access(program, X_OK) < 0 || slash == NULL)
        bed_fail("there is no program '%s'", program);
    snprintf(slash, folder_size - (size_t)(slash - folder), "/bench-XXXXXX");
    if (mkdtemp(folder) == NULL)
        bed_fail("cannot make '%s': %s", folder, strerror(errno));
}

static void confirm(struct bed *bed)
{
    struct sim_delivery delivery;
    int status;

    wait_for(bed, "kinescale_build_info");
    bed_take(bed, &delivery);
    status = bed_post(bed, 0, &delivery);
    if (status != 200)
        bed_fail("the subscription was answered %d", status);
    sim_delivery_clear(&delivery);
}

struct bed *bed_start(const struct bed_options *options)
{
    struct bed *bed = must_calloc(1, sizeof(*bed));

    bed->options = *options;
    if (bed->options.connections == 0)
        bed->options.connections = 1;
    if (bed->options.shards == 0)
        bed->options.shards = 1;
    if (bed->options.warm_up_ms == 0)
        bed->options.warm_up_ms = WARM_UP_MS;
    if (bed->options.connections > CONNECTIONS_MAX)
        bed_fail("more than %d connections", CONNECTIONS_MAX);
    pthread_mutex_init(&bed->mutex, NULL);
    find_program(bed->program, sizeof(bed->program), bed->folder, sizeof(bed->folder));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        bed_fail("libcurl cannot begin");
    start_aws(bed);
    write_config(bed);
    if (bed->options.no_daemon)
        return bed;
    bed->daemon = start(bed, "serve", NULL);
    for (int i = 0; i < bed->options.connections; i++)
        bed->connections[i] = curl_easy_init();
    confirm(bed);
    wait_for(bed, "kinescale_reconciles_total{result=\"ok\"} 1");
    return bed;
}

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"scene",        "streams.conf",     "log",
                                        "kinescale.db", "kinescale.db-wal", "kinescale.db-shm"};
    char path[300];

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        (void)unlink(path); /* may not be there */
    }
    (void)rmdir(folder);
}

void bed_stop(struct bed *bed)
{
    int status = 0;

    if (!bed->options.no_daemon) {
        (void)kill(bed->daemon, SIGTERM);
        if (waitpid(bed->daemon, &status, 0) < 0 || status != 0)
            bed_fail("the daemon ended with status %d: see %s/log", status, bed->folder);
    }
    http_server_stop(bed->aws);
    sim_free(bed->sim);
    for (int i = 0; i < bed->options.connections; i++)
        curl_easy_cleanup(bed->connections[i]);
    curl_global_cleanup();
    remove_folder(bed->folder);
    pthread_mutex_destroy(&bed->mutex);
    free(bed->calls);
    free(bed);
}

pid_t bed_daemon(const struct bed *bed)
{
    return bed->daemon;
}

int bed_port(const struct bed *bed)
{
    return bed->port;
}

int bed_admin_port(const struct bed *bed)
{
    return bed->admin_port;
}

const char *bed_folder(const struct bed *bed)
{
    return bed->folder;
}

/* ---- messages */

void bed_take(struct bed *bed, struct sim_delivery *ret_delivery)
{
    sim_advance(bed->sim, clock_now_ms(&bed->clock.clock));
    if (!sim_take_delivery(bed->sim, ret_delivery))
        bed_fail("SNS has no message to deliver");
    sim_delivery_result(bed->sim, ret_delivery->id, 200);
}

static size_t discard(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static int post(const struct bed *bed, CURL *curl, const struct sim_delivery *delivery)
{
    struct curl_slist *headers = NULL;
    char url[64], type[96];
    long status = 0;

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/sns", bed->port);
    snprintf(type, sizeof(type), "x-amz-sns-message-type: %s", delivery->message_type);
    headers = curl_slist_append(headers, type);
    headers = curl_slist_append(headers, "Content-Type: text/plain; charset=UTF-8");
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, delivery->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(delivery->body));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
    if (curl_easy_perform(curl) == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return (int)status;
}

int bed_post(struct bed *bed, int connection, const struct sim_delivery *delivery)
{
    return post(bed, bed->connections[connection], delivery);
}

int bed_post_alone(const struct bed *bed, const struct sim_delivery *delivery)
{
    CURL *curl = curl_easy_init();
    int status = post(bed, curl, delivery);

    curl_easy_cleanup(curl);
    return status;
}

/* ---- what was asked of AWS */

/* With the mutex held: what was asked from `since_ns` until the split; false when there was none yet. */
static bool look_back(struct bed *bed, int stream, int64_t since_ns, struct bed_calls *ret_calls)
{
    struct bed_calls calls = {0};

    for (size_t i = 0; i < bed->call_count; i++) {
        const struct call *call = &bed->calls[i];

        if (call->stream == stream && call->start_ns > since_ns &&
            strcmp(call->operation, "SplitShard") == 0 &&
            (calls.split_ns == 0 || call->start_ns < calls.split_ns))
            calls.split_ns = call->start_ns;
    }
    for (size_t i = 0; i < bed->call_count && calls.split_ns > 0; i++) {
        const struct call *call = &bed->calls[i];
        bool ours = call->stream == stream || strcmp(call->operation, "DescribeLimits") == 0;

        if (ours && call->start_ns > since_ns && call->start_ns < calls.split_ns) {
            calls.round_trips++;
            calls.aws_ns += call->end_ns - call->start_ns;
        }
    }
    *ret_calls = calls;
    return calls.split_ns > 0;
}

struct bed_calls bed_wait_split(struct bed *bed, int stream, int64_t since_ns)
{
    struct bed_calls calls = {0};
    bool found = false;

    for (int tries = 0; tries < READY_S * 200 && !found; tries++) {
        clock_sleep_ms(clock_system(), 5);
        pthread_mutex_lock(&bed->mutex);
        found = look_back(bed, stream, since_ns, &calls);
        pthread_mutex_unlock(&bed->mutex);
    }
    if (!found)
        bed_fail("no SplitShard of stream %d: see %s/log", stream, bed->folder);
    return calls;
}

int bed_count(struct bed *bed, const char *operation, int64_t since_ns)
{
    int count = 0;

    pthread_mutex_lock(&bed->mutex);
    for (size_t i = 0; i < bed->call_count; i++)
        count += bed->calls[i].start_ns > since_ns && strcmp(bed->calls[i].operation, operation) == 0;
    pthread_mutex_unlock(&bed->mutex);
    return count;
}
