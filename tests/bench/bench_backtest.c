/* How long a backtest takes: 90 days at one-minute steps, through the real engine. */
#include "base/log.h"
#include "base/memory.h"
#include "scaling/config.h"

#include "../../src/cli/backtest.h"

#include <math.h>
#include <sys/resource.h>

enum { DAYS = 90, DAY_MINUTES = 1440 };

static const char head[] = "[service]\ndatabase = unused.db\n"
                           "topic_arn = arn:aws:sns:us-east-1:123456789012:kinescale\n"
                           "[stream bench]\nmax_shards = 64\ndesired_shards = 4\npolicy = ";

/* Days that rise from 1 MiB/s to 7, in weeks that rise and fall a little. */
static void make_load(struct sim_load *load)
{
    load->count = (size_t)DAYS * DAY_MINUTES;
    load->minutes = must_calloc(load->count, sizeof(*load->minutes));
    for (size_t i = 0; i < load->count; i++) {
        double day = (double)i / DAY_MINUTES;
        double mib_s = 4 - 3 * cos(2 * M_PI * day) * (1 + 0.2 * sin(2 * M_PI * day / 7));

        load->minutes[i].bytes = fmax(mib_s, 0.2) * 1048576 * 60;
        load->minutes[i].records = load->minutes[i].bytes / 2048;
    }
}

static double cpu_seconds(struct rusage *ret_usage)
{
    (void)getrusage(RUSAGE_SELF, ret_usage);
    return (double)ret_usage->ru_utime.tv_sec + (double)ret_usage->ru_utime.tv_usec / 1e6;
}

static int run(const char *policy, const struct sim_load *load)
{
    struct backtest backtest = {.initial_shards = 4,
                                .keys = "uniform",
                                .split_ms = 30000,
                                .metric_delay_ms = 75000,
                                .seed = 1,
                                .load = *load};
    struct fault_list faults = {0};
    struct backtest_result result;
    struct error err = {0};
    struct rusage usage;
    double before = cpu_seconds(&usage);
    char *text = must_printf("%s%s\n", head, policy);
    char what[64];

    if (config_parse(text, strlen(text), "bench", &backtest.config, &faults, &err) < 0)
        abort();
    fault_list_clear(&faults);
    free(text);
    if (backtest_run(&backtest, &result, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    snprintf(what, sizeof(what), "backtest of 90 days at one-minute steps, %s", policy);
    printf("%-60s  %8.2f s of one core, %.0f MiB at most; %.0f shards in the mean\n", what,
           cpu_seconds(&usage) - before, (double)usage.ru_maxrss / 1024,
           result.totals.shard_hours / result.hours);
    config_free(backtest.config);
    return 0;
}

int main(void)
{
    struct sim_load load = {0};
    int result;

    log_set_level(LOG_ERROR);
    make_load(&load);
    result = run("classic", &load) + run("adaptive", &load);
    sim_load_clear(&load);
    return result;
}
