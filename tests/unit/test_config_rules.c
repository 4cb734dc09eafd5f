/*
 * streams.conf: what must be true of all that is accepted, and of whatever is in the file.
 */
#include "base/memory.h"
#include "base/text.h"
#include "scaling/config.h"
#include "support.h"

#include <math.h>

#define SERVICE "[service]\ntopic_arn = arn:aws:sns:eu-west-1:123456789012:kinescale\n"

static bool is_accepted(const char *text)
{
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct config *parsed = NULL;
    struct error err = {0};
    int result = config_parse(text, strlen(text), "test.conf", &parsed, &faults, &err);

    config_free(parsed);
    return result == 0;
}

/* ---- the dead band, held against a plain model of splitting and merging */

static double shards_for(double load, double limit)
{
    return fmax(1, ceil(load / limit - 1e-9));
}

/* Does a load that stays as it is move shards both up and down? */
static bool flaps(double load, double shards, double target, double down)
{
    double doubled = shards, fewest;

    if (load / shards <= target + 1e-9) /* a scale-up has nothing to do */
        return false;
    while (load / doubled > target + 1e-9)
        doubled *= 2;
    /* Whole generations of splits, then pairs merged: only halving is possible. */
    if (load / doubled < down && load / (doubled / 2) <= down + 1e-9)
        return true;
    /* UpdateShardCount to the fewest that fit, then any smaller number. */
    fewest = shards_for(load, target);
    return load / fewest < down && shards_for(load, down) < fewest;
}

static bool some_load_flaps(double target, double down)
{
    for (double shards = 1; shards <= 40; shards++) {
        for (double load = 0.05; load < 60; load += 0.05) {
            if (flaps(load, shards, target, down))
                return true;
        }
    }
    return false;
}

START_TEST(what_is_accepted_does_not_flap_and_what_flaps_is_refused)
{
    int target = 10 + _i * 5;

    for (int down = 5; down <= 85; down += 5) {
        SCOPED(free_text)
        char *text = must_printf(SERVICE "[stream a]\nscale_up_threshold = 95%%\n"
                                         "target_utilization = %d%%\n"
                                         "scale_down_threshold = %d%%\n",
                                 target, down);
        bool accepted = is_accepted(text);
        bool moves = some_load_flaps(target / 100.0, down / 100.0);

        ck_assert_msg(accepted == (down <= target - 5), "target %d%%, down %d%%", target, down);
        ck_assert_msg(!(accepted && moves), "target %d%%, down %d%% flaps", target, down);
        ck_assert_msg(down <= target || moves, "target %d%%, down %d%%: the model has no teeth", target,
                      down);
    }
}
END_TEST

START_TEST(an_alarm_stands_above_what_a_scale_up_leaves)
{
    for (int up = 15; up <= 95; up++) {
        for (int target = 10; target <= 90; target++) {
            SCOPED(free_text)
            char *text =
                must_printf(SERVICE "[stream a]\nscale_up_threshold = %d%%\ntarget_utilization = %d%%\n"
                                    "scale_down_threshold = 1%%\n",
                            up, target);

            ck_assert_msg(is_accepted(text) == (target + 5 <= up), "up %d%%, target %d%%", up, target);
        }
    }
}
END_TEST

/* ---- whatever is in the file */

static uint64_t dice_state;

static uint32_t dice(uint32_t sides)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice_state >> 33) % sides;
}

/* "f:LINE: text", of a line not before `line`, in printable UTF-8.  Its line, or 0. */
static long fault_line(const char *text, long line)
{
    long found = text_starts_with(text, "f:") ? strtol(text + 2, NULL, 10) : 0;

    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 && *c != '\t')
            return 0;
    }
    return found >= line && text_is_utf8(text, strlen(text)) ? found : 0;
}

/* One result or the other, never both or none; every fault is a line of its own, in order. */
static void check_contract(const char *text, size_t length)
{
    SCOPED(fault_list_clear) struct fault_list faults = {0};
    struct config *parsed = NULL;
    struct error err = {0};
    int result = config_parse(text, length, "f", &parsed, &faults, &err);
    bool refused = parsed == NULL && faults.count > 0 && err.kind == ERROR_CONFIG;
    bool accepted = parsed != NULL && faults.count == 0 && err.kind == ERROR_NONE;
    long line = 1;

    ck_assert(result == 0 ? accepted : refused);
    ck_assert_uint_le(faults.count, CONFIG_FAULTS_MAX);
    for (size_t i = 0; i < faults.count && line > 0; i++) {
        line = fault_line(faults.texts[i], line);
        if (line == 0)
            ck_abort_msg("%s", faults.texts[i]);
    }
    config_free(parsed);
}

START_TEST(random_bytes_give_faults_and_nothing_worse)
{
    char text[512];

    dice_state = 20260101;
    for (int round = 0; round < 10000; round++) {
        size_t length = dice(sizeof(text));

        for (size_t i = 0; i < length; i++)
            text[i] = (char)dice(256);
        check_contract(text, length);
    }
}
END_TEST

static void mutate(char *text, size_t *length, size_t size)
{
    static const char *const pieces[] = {
        "[stream ", "[defaults]\n", "]", "=",  "\n", "%", " #", "99999999999999999999", "\0", "\xEF\xBB\xBF",
        "\xC3",     "arn:aws:sns:", ",", "-1", "ms", "  "};
    size_t at = dice((uint32_t)*length);

    switch (dice(4)) {
    case 0: /* another byte */
        text[at] = (char)dice(256);
        break;
    case 1: { /* a part left out */
        size_t cut = dice(64);

        cut = cut > *length - at ? *length - at : cut;
        memmove(text + at, text + at + cut, *length - at - cut);
        *length -= cut;
        break;
    }
    case 2: { /* something put in */
        const char *piece = pieces[dice(COUNT_OF(pieces))];
        size_t put = *piece == '\0' ? 1 : strlen(piece);

        if (*length + put > size)
            break;
        memmove(text + at + put, text + at, *length - at);
        memcpy(text + at, piece, put);
        *length += put;
        break;
    }
    default: { /* a part moved elsewhere */
        size_t from = dice((uint32_t)*length), count = dice(200);

        count = count > *length - from ? *length - from : count;
        count = count > *length - at ? *length - at : count;
        memmove(text + at, text + from, count);
        break;
    }
    }
    if (*length == 0)
        text[(*length)++] = '\n';
}

START_TEST(a_mutated_sample_gives_a_configuration_or_faults)
{
    SCOPED(free_text) char *sample = read_text("streams.conf");
    size_t size = strlen(sample) + 1024;
    SCOPED(free_text) char *text = must_calloc(1, size);

    dice_state = 20260102;
    for (int round = 0; round < 10000; round++) {
        size_t length = strlen(sample);

        memcpy(text, sample, length);
        for (uint32_t changes = 1 + dice(8); changes > 0; changes--)
            mutate(text, &length, size);
        check_contract(text, length);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *config = suite_create("config, rules");
    TCase *rules = tcase_create("rules"), *any = tcase_create("anything");

    tcase_set_timeout(rules, 60);
    tcase_add_loop_test(rules, what_is_accepted_does_not_flap_and_what_flaps_is_refused, 0, 17);
    tcase_add_test(rules, an_alarm_stands_above_what_a_scale_up_leaves);
    suite_add_tcase(config, rules);

    tcase_set_timeout(any, 120);
    tcase_add_test(any, random_bytes_give_faults_and_nothing_worse);
    tcase_add_test(any, a_mutated_sample_gives_a_configuration_or_faults);
    suite_add_tcase(config, any);
    return config;
}

int main(void)
{
    return run_suite(suite());
}
