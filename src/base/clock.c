/*
 * clock.c - three clocks behind one seam.
 */
#include "base/clock.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <math.h>

enum { SPEED_MAX = 100000 };

/* Until a point on the monotonic clock, so that signals do not make it longer and a corrected date not shorter. */
static void sleep_real_ns(double duration_ns)
{
    struct timespec until;
    int64_t ns;

    if (!(duration_ns > 0))
        return;
    if (duration_ns > 1e18) /* thirty years: longer would not fit */
        duration_ns = 1e18;
    ns = clock_monotonic_ns() + (int64_t)duration_ns;
    until.tv_sec = ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

int64_t clock_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_now_ms(struct clock *self)
{
    struct timespec now;

    (void)self;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void system_sleep_ms(struct clock *self, int64_t duration_ms)
{
    (void)self;
    sleep_real_ns((double)duration_ms * 1e6);
}

static int64_t system_real_ms(struct clock *self, int64_t duration_ms)
{
    (void)self;
    return duration_ms;
}

struct clock *clock_system(void)
{
    static struct clock clock = {system_now_ms, system_sleep_ms, system_real_ms};

    return &clock;
}

static int64_t scaled_now_ms(struct clock *self)
{
    const struct scaled_clock *scaled = (struct scaled_clock *)self;
    struct timespec now;
    double since_base_ms, ms;

    clock_gettime(CLOCK_REALTIME, &now);
    /* The milliseconds are subtracted as integers: a double of nanoseconds since 1970 would be too coarse. */
    since_base_ms = (double)((int64_t)now.tv_sec * 1000 - scaled->base_ms) + (double)now.tv_nsec / 1e6;
    ms = (double)scaled->base_ms + floor(since_base_ms * scaled->speed);
    /* At high speed the end of the calendar is not far; the clock stands still there. */
    return (int64_t)fmin(fmax(ms, 0), (double)DATE_MAX_MS);
}

static void scaled_sleep_ms(struct clock *self, int64_t duration_ms)
{
    sleep_real_ns((double)duration_ms * 1e6 / ((struct scaled_clock *)self)->speed);
}

/* Rounded up: who waits that long has waited long enough. */
static int64_t scaled_real_ms(struct clock *self, int64_t duration_ms)
{
    return (int64_t)ceil((double)duration_ms / ((struct scaled_clock *)self)->speed);
}

void clock_scaled_init(struct scaled_clock *clock, int64_t base_ms, double speed)
{
    *clock = (struct scaled_clock){
        .clock = {scaled_now_ms, scaled_sleep_ms, scaled_real_ms},
        .base_ms = base_ms,
        .speed = speed,
    };
}

int clock_scaled_parse(const char *text, struct scaled_clock *ret_clock, struct error *err)
{
    const char *at = strchr(text, '@');
    int64_t base_ms;
    double speed;

    if (at != NULL) {
        SCOPED(free_text) char *base = must_strndup(text, (size_t)(at - text));

        if (number_parse(base, 0, DATE_MAX_MS, &base_ms) && number_parse_double(at + 1, &speed) &&
            speed >= 1 && speed <= SPEED_MAX) {
            clock_scaled_init(ret_clock, base_ms, speed);
            return 0;
        }
    }
    return error_set(err, ERROR_CONFIG,
                     "'%s' is not a clock: wanted are Unix milliseconds, '@' and a speed of 1 to %d", text,
                     SPEED_MAX);
}

static int64_t virtual_now_ms(struct clock *self)
{
    return ((struct virtual_clock *)self)->ms;
}

static void virtual_sleep_ms(struct clock *self, int64_t duration_ms)
{
    if (duration_ms > 0)
        ((struct virtual_clock *)self)->ms += duration_ms;
}

static int64_t virtual_real_ms(struct clock *self, int64_t duration_ms)
{
    (void)self;
    (void)duration_ms;
    return 0;
}

void clock_virtual_init(struct virtual_clock *clock, int64_t start_ms)
{
    *clock = (struct virtual_clock){
        .clock = {virtual_now_ms, virtual_sleep_ms, virtual_real_ms},
        .ms = start_ms,
    };
}
