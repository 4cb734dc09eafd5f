/*
 * clock.h - THE SEAM for time: what time is it, wait a while.
 *
 * All times are Unix milliseconds, UTC.  Three clocks stand behind the seam: the
 * system's, the system's run at a higher speed (simulated AWS, demo), and a
 * virtual one that only moves when somebody waits (tests, backtest).
 * Functions are thread-safe, but for the virtual clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/error.h"

#include <stdint.h>

struct clock {
    int64_t (*now_ms)(struct clock *self);
    void (*sleep_ms)(struct clock *self, int64_t duration_ms);
    /* How long `duration_ms` of this clock lasts on the wall: for timed waits.  0 for a virtual clock. */
    int64_t (*real_ms)(struct clock *self, int64_t duration_ms);
};

/* The one the program runs on unless told otherwise; static, never freed. */
struct clock *clock_system(void);

/*
 * now = base_ms + (real time - base_ms) * speed.  Two processes given the same
 * base and speed agree on the time.  speed 1 to 100000.
 */
struct scaled_clock {
    struct clock clock; /* first: a pointer to it is a struct clock */
    int64_t base_ms;
    double speed;
};
void clock_scaled_init(struct scaled_clock *clock, int64_t base_ms, double speed);
/* "1763683200000@60": base in Unix milliseconds, '@', speed.  ERROR_CONFIG. */
int clock_scaled_parse(const char *text, struct scaled_clock *ret_clock, struct error *err);

struct virtual_clock {
    struct clock clock;
    int64_t ms;
};
void clock_virtual_init(struct virtual_clock *clock, int64_t start_ms);

static inline int64_t clock_now_ms(struct clock *clock)
{
    return clock->now_ms(clock);
}
static inline void clock_sleep_ms(struct clock *clock, int64_t duration_ms)
{
    clock->sleep_ms(clock, duration_ms);
}
static inline int64_t clock_real_ms(struct clock *clock, int64_t duration_ms)
{
    return clock->real_ms(clock, duration_ms);
}

/* Nanoseconds of CLOCK_MONOTONIC: for measuring our own speed, never for decisions. */
int64_t clock_monotonic_ns(void);

#endif
