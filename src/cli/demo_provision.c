/*
 * demo_provision.c - topic, streams and alarms of the demo, made as an operator would have them made.
 */
#include "demo.h"

#include "base/memory.h"
#include "base/text.h"
#include "engine/provision.h"

static int report(const struct provision *provision, bool tell, struct error *err)
{
    size_t count;
    const struct provision_row *rows = provision_rows(provision, &count);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].result == PROVISION_FAILED || rows[i].result == PROVISION_BUSY)
            return error_set(err, ERROR_BUG, "stack '%s': %.300s", rows[i].stack, rows[i].reason);
        if (tell)
            printf("  %-9s  %-30s %s\n", provision_result_name(rows[i].result), rows[i].stack,
                   rows[i].reason);
    }
    fflush(stdout);
    return 0;
}

int demo_provision(struct demo *demo, const char *public_url, bool tell, struct error *err)
{
    struct clock *clock = &demo->clock.clock;
    struct config config = *demo->config; /* the daemon has the other one: that stays as it is */
    const char **streams = must_calloc(config.stream_count, sizeof(*streams));
    struct provision_options options = {
        .config = &config, .aws = demo->account.aws, .clock = clock, .streams = streams};
    struct provision *provision;
    int64_t next_ms;
    int result;

    (void)text_copy(config.service.public_url, sizeof(config.service.public_url), public_url);
    for (; options.stream_count < config.stream_count; options.stream_count++)
        streams[options.stream_count] = config.streams[options.stream_count].name;
    result = provision_new(&options, &provision, err);
    if (result == 0) {
        while ((next_ms = provision_turn(provision)) != INT64_MAX) {
            int64_t now_ms = clock_now_ms(clock);

            if (next_ms > now_ms)
                clock_sleep_ms(clock, next_ms - now_ms);
        }
        result = report(provision, tell, err);
        provision_free(provision);
    }
    free(streams);
    return result;
}
