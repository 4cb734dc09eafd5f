/*
 * load.c - the generators of offered load, and the small language they are asked for in.
 */
#include "load.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>

static const double rate_max = 1e12; /* bytes/s */
enum { CURVE_STEP_MS = 10000, MINUTE_MS = 60000, DAY_MS = 86400000 };

struct load {
    const struct generator *generator;
    double low, high; /* bytes/s; constant: high; trace: high is the peak */
    double record_bytes;
    int64_t duration_ms; /* ramp: how long; sine: the period */
    struct load_step {
        int64_t until_ms; /* from the beginning */
        double bytes_s;
    } * steps;
    size_t step_count;
    struct trace trace;
    struct sim_minute *minutes;
    size_t minute_count;
};

static struct offer offer_bytes(const struct load *load, double bytes_s, int64_t until_ms)
{
    return (struct offer){bytes_s, bytes_s / load->record_bytes, until_ms};
}

/* ---- the loads; all times but `now_ms` count from where the load began */

static struct offer constant_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    (void)elapsed_ms;
    (void)now_ms;
    return offer_bytes(load, load->high, INT64_MAX);
}

/* The middle of the ten seconds that `ms` is in; *ret_end: where they end. */
static double curve_step(int64_t ms, int64_t *ret_end)
{
    int64_t start = ms / CURVE_STEP_MS * CURVE_STEP_MS;

    *ret_end = start + CURVE_STEP_MS;
    return (double)start + CURVE_STEP_MS / 2.0;
}

static struct offer ramp_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    int64_t until_ms;
    double middle = curve_step(elapsed_ms, &until_ms);

    (void)now_ms;
    if (elapsed_ms >= load->duration_ms)
        return offer_bytes(load, load->high, INT64_MAX);
    if (until_ms > load->duration_ms) {
        middle = ((double)(until_ms - CURVE_STEP_MS) + (double)load->duration_ms) / 2;
        until_ms = load->duration_ms;
    }
    return offer_bytes(load, load->low + (load->high - load->low) * middle / (double)load->duration_ms,
                       until_ms);
}

static struct offer sine_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    int64_t until_ms;
    double turn = curve_step(elapsed_ms, &until_ms) / (double)load->duration_ms;

    (void)now_ms;
    return offer_bytes(load, load->low + (load->high - load->low) * (1 - cos(2 * M_PI * turn)) / 2, until_ms);
}

static struct offer steps_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    (void)now_ms;
    for (size_t i = 0; i + 1 < load->step_count; i++) {
        if (elapsed_ms < load->steps[i].until_ms)
            return offer_bytes(load, load->steps[i].bytes_s, load->steps[i].until_ms);
    }
    return offer_bytes(load, load->steps[load->step_count - 1].bytes_s, INT64_MAX);
}

/* A working day by the clock (UTC): quiet at 4, up from 6 to 9, a dip after noon, the peak at 20. */
static struct offer day_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    static const double hours[25] = {0.30, 0.18, 0.09, 0.03, 0.00, 0.04, 0.15, 0.35, 0.55,
                                     0.66, 0.70, 0.71, 0.68, 0.62, 0.60, 0.61, 0.64, 0.70,
                                     0.82, 0.95, 1.00, 0.93, 0.72, 0.48, 0.30};
    int64_t time_ms = now_ms % DAY_MS;
    int64_t until_ms;
    double hour = curve_step(time_ms, &until_ms) / 3600000;
    int whole = (int)hour;
    double height = hours[whole] + (hours[whole + 1] - hours[whole]) * (hour - whole);

    return offer_bytes(load, load->low + (load->high - load->low) * height, elapsed_ms + until_ms - time_ms);
}

/* After its last row a trace offers nothing. */
static struct offer trace_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    const struct trace *trace = &load->trace;
    size_t low = 0, high = trace->count;
    double factor = load->high / trace->percentile;
    struct offer offer;

    (void)now_ms;
    if (elapsed_ms >= trace->end_ms)
        return offer_bytes(load, 0, INT64_MAX);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (trace->rows[middle].at_ms <= elapsed_ms)
            low = middle;
        else
            high = middle;
    }
    offer = offer_bytes(load, trace->rows[low].bytes * factor,
                        high < trace->count ? trace->rows[high].at_ms : trace->end_ms);
    if (trace->rows[low].records >= 0)
        offer.records_s = trace->rows[low].records * factor;
    return offer;
}

static struct offer minutes_at(const struct load *load, int64_t elapsed_ms, int64_t now_ms)
{
    size_t minute = (size_t)(elapsed_ms / MINUTE_MS);

    (void)now_ms;
    if (minute >= load->minute_count)
        return (struct offer){0, 0, INT64_MAX};
    return (struct offer){load->minutes[minute].bytes / 60, load->minutes[minute].records / 60,
                          (int64_t)(minute + 1) * MINUTE_MS};
}

/* ---- the language */

/* "1.5M", "800k", "2048": bytes per second, k and M are 1024-based. */
static int parse_rate(const char *text, double *ret_rate, struct error *err)
{
    char number[64];
    double factor = 1, rate;
    size_t length = strlen(text);

    if (text_ends_with(text, "k"))
        factor = 1024;
    else if (text_ends_with(text, "M"))
        factor = 1048576;
    if (length >= sizeof(number))
        return error_set(err, ERROR_INPUT, "'%.64s...' is not a rate", text);
    snprintf(number, sizeof(number), "%.*s", (int)(factor > 1 ? length - 1 : length), text);
    if (!number_parse_double(number, &rate) || rate < 0 || rate * factor > rate_max)
        return error_set(err, ERROR_INPUT, "'%s' is not a rate in bytes per second (\"800k\", \"1.5M\")",
                         text);
    *ret_rate = rate * factor;
    return 0;
}

static int parse_length(const char *text, int64_t *ret_ms, struct error *err)
{
    int64_t ms;

    if (!number_parse_duration(text, &ms) || ms == 0)
        return error_set(err, ERROR_INPUT, "'%.64s' is not a duration (\"30s\", \"5m\", \"36h\")", text);
    *ret_ms = ms;
    return 0;
}

static int parse_constant(struct load *load, char *arguments, struct error *err)
{
    return parse_rate(arguments, &load->high, err);
}

/* "LOW:HIGH", and ":DURATION" when `duration` is set. */
static int parse_range(struct load *load, char *arguments, bool duration, struct error *err)
{
    const char *low = text_split(&arguments, ':');
    const char *high = text_split(&arguments, ':');
    const char *length = duration ? text_split(&arguments, ':') : "";

    if (high == NULL || length == NULL || arguments != NULL)
        return error_set(err, ERROR_INPUT, "'%s' wants %s", duration ? "ramp or sine" : "day",
                         duration ? "two rates and a duration" : "two rates");
    if (parse_rate(low, &load->low, err) < 0 || parse_rate(high, &load->high, err) < 0)
        return -1;
    return duration ? parse_length(length, &load->duration_ms, err) : 0;
}

static int parse_curve(struct load *load, char *arguments, struct error *err)
{
    return parse_range(load, arguments, true, err);
}

static int parse_day(struct load *load, char *arguments, struct error *err)
{
    return parse_range(load, arguments, false, err);
}

static int parse_steps(struct load *load, char *arguments, struct error *err)
{
    int64_t until_ms = 0;

    for (char *piece; (piece = text_split(&arguments, ',')) != NULL;) {
        const char *length = text_split(&piece, '=');
        int64_t duration_ms = 0;
        double bytes_s;

        if (piece == NULL)
            return error_set(err, ERROR_INPUT, "step '%.64s' wants 'DURATION=BYTES_S'", length);
        if (load->step_count == LOAD_STEPS_MAX)
            return error_set(err, ERROR_INPUT, "more than %d steps", LOAD_STEPS_MAX);
        if (parse_length(length, &duration_ms, err) < 0 || parse_rate(piece, &bytes_s, err) < 0)
            return -1;
        if (__builtin_add_overflow(until_ms, duration_ms, &until_ms))
            return error_set(err, ERROR_INPUT, "steps are too long");
        load->steps = must_realloc(load->steps, load->step_count + 1, sizeof(*load->steps));
        load->steps[load->step_count++] = (struct load_step){until_ms, bytes_s};
    }
    return 0;
}

/* "FILE:PEAK": the file may have colons in its name. */
static int parse_trace(struct load *load, char *arguments, struct error *err)
{
    SCOPED(free_text) char *text = NULL;
    char *colon = strrchr(arguments, ':');
    size_t length;

    if (colon == NULL)
        return error_set(err, ERROR_INPUT, "'trace' wants 'FILE:PEAK_BYTES_S'");
    *colon = '\0';
    if (parse_rate(colon + 1, &load->high, err) < 0 ||
        file_read(arguments, TRACE_FILE_MAX, &text, &length, err) < 0)
        return -1;
    if (model_trace_parse(arguments, text, length, &load->trace, err) < 0)
        return -1;
    if (load->trace.percentile <= 0)
        return error_set(err, ERROR_INPUT, "%s: the 99.9th percentile is 0, there is no load to scale",
                         arguments);
    return 0;
}

static const struct generator {
    const char *name;
    int (*parse)(struct load *load, char *arguments, struct error *err);
    struct offer (*at)(const struct load *load, int64_t elapsed_ms, int64_t now_ms);
} generators[] = {
    {"constant", parse_constant, constant_at},
    {"ramp", parse_curve, ramp_at},
    {"sine", parse_curve, sine_at},
    {"steps", parse_steps, steps_at},
    {"day", parse_day, day_at},
    {"trace", parse_trace, trace_at},
};

static void free_load(struct load **load)
{
    model_load_free(*load);
}

int model_load_parse(const char *text, int64_t record_bytes, struct load **ret_load, struct error *err)
{
    SCOPED(free_load) struct load *load = must_calloc(1, sizeof(*load));
    SCOPED(free_text) char *copy = must_strdup(text);
    char *arguments = strchr(copy, ':');

    if (arguments != NULL)
        *arguments++ = '\0';
    for (size_t i = 0; i < COUNT_OF(generators) && load->generator == NULL; i++) {
        if (text_equal(copy, generators[i].name))
            load->generator = &generators[i];
    }
    if (load->generator == NULL || arguments == NULL)
        return error_set(err, ERROR_INPUT,
                         "load '%.64s' is none of constant:, ramp:, sine:, steps:, day:, trace:", text);
    if (record_bytes < 1 || record_bytes > SIM_RECORD_BYTES_MAX)
        return error_set(err, ERROR_INPUT, "records must have 1 to %d bytes, not %lld", SIM_RECORD_BYTES_MAX,
                         (long long)record_bytes);
    load->record_bytes = (double)record_bytes;
    if (load->generator->parse(load, arguments, err) < 0)
        return -1;
    *ret_load = load;
    load = NULL;
    return 0;
}

struct load *model_load_of_minutes(const struct sim_minute *minutes, size_t count)
{
    static const struct generator generator = {.at = minutes_at};
    struct load *load = must_calloc(1, sizeof(*load));

    load->generator = &generator;
    load->minutes = must_calloc(count, sizeof(*minutes));
    memcpy(load->minutes, minutes, count * sizeof(*minutes));
    load->minute_count = count;
    return load;
}

void model_load_free(struct load *load)
{
    if (load == NULL)
        return;
    model_trace_clear(&load->trace);
    free(load->steps);
    free(load->minutes);
    free(load);
}

struct offer model_load_at(const struct load *load, int64_t since_ms, int64_t now_ms)
{
    struct offer offer = load->generator->at(load, now_ms - since_ms, now_ms);

    if (offer.until_ms != INT64_MAX)
        offer.until_ms += since_ms;
    return offer;
}
