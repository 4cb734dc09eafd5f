/* How fast input is judged and read: what stands between a forged request and its refusal. */
#include "bench.h"

#include "base/date.h"
#include "base/hashkey.h"
#include "base/json_check.h"
#include "base/memory.h"
#include "scaling/config.h"

struct input {
    char *text;
    size_t length;
};

static void check_json(void *context)
{
    const struct input *input = context;
    struct error err = {0};

    if (json_check(input->text, input->length, JSON_DEPTH_MAX, &err) < 0)
        abort();
}

static void read_key(void *context)
{
    hashkey key;

    if (!hashkey_parse(context, &key))
        abort();
}

static void read_date(void *context)
{
    int64_t ms;

    if (!date_parse(context, &ms))
        abort();
}

static void read_config(void *context)
{
    const struct input *input = context;
    struct config *config = NULL;
    struct fault_list faults = {0};
    struct error err = {0};

    if (config_parse(input->text, input->length, "bench.conf", &config, &faults, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    config_free(config);
    fault_list_clear(&faults);
}

/* `count` times "prefix N suffix", N counted from 0, between `head` and `tail`. */
static struct input repeated(const char *head, const char *prefix, const char *suffix, const char *tail,
                             int count)
{
    struct input input = {0};
    FILE *file = open_memstream(&input.text, &input.length);

    if (file == NULL)
        abort();
    fputs(head, file);
    for (int i = 0; i < count; i++)
        fprintf(file, "%s%d%s", prefix, i, suffix);
    fputs(tail, file);
    if (fclose(file) != 0)
        abort();
    return input;
}

int main(void)
{
    static char key[] = "340282366920938463463374607431768211455";
    static char date[] = "2026-11-21T08:15:30.123+0000";
    struct input json =
        repeated("[0", ",{\"Timestamp\":", ",\"Unit\":\"Bytes\",\"Sum\":50331648.0}", "]", 10000);
    struct input config = repeated("[service]\ntopic_arn = arn:aws:sns:eu-west-1:123456789012:kinescale\n",
                                   "[stream s", "]\nmin_shards = 2\nmax_shards = 64\n", "", 10000);

    bench("json_check, 10,000 datapoints", check_json, &json, json.length);
    bench("hashkey_parse, 39 digits", read_key, key, 0);
    bench("date_parse", read_date, date, 0);
    bench("config_parse, 10,000 streams", read_config, &config, config.length);
    free(json.text);
    free(config.text);
    return 0;
}
