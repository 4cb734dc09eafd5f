/* Numbers, percentages, durations, dates, hash keys, ARNs, addresses: what is read can be written and read again. */
#include "fuzz.h"

#include "aws/endpoint.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/hashkey.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "http/server.h"

#include <math.h>

enum { WORDS_TRIED = 16 };

static void try_numbers(const char *word)
{
    char text[64];
    int64_t number, number_again;
    double value, value_again;

    if (number_parse(word, INT64_MIN, INT64_MAX, &number)) {
        snprintf(text, sizeof(text), "%lld", (long long)number);
        FUZZ_ASSERT(number_parse(text, number, number, &number_again));
    }
    if (number_parse_double(word, &value)) {
        FUZZ_ASSERT(isfinite(value));
        number_format_double(value, text, sizeof(text));
        FUZZ_ASSERT(number_parse_double(text, &value_again) && value_again == value);
    }
    if (number_parse_percent(word, &value)) {
        FUZZ_ASSERT(value >= 0 && value <= 10);
        number_format_percent(value, text, sizeof(text));
        FUZZ_ASSERT(number_parse_percent(text, &value_again) && fabs(value_again - value) < 1e-8);
    }
    if (number_parse_duration(word, &number)) {
        FUZZ_ASSERT(number >= 0);
        number_format_duration(number, text, sizeof(text));
        FUZZ_ASSERT(number_parse_duration(text, &number_again) && number_again == number);
    }
}

static void try_times_and_keys(const char *word)
{
    char date[DATE_SIZE], key_text[HASHKEY_TEXT_SIZE];
    struct scaled_clock clock;
    struct error err = {0};
    int64_t ms, ms_again;
    hashkey key;

    if (date_parse(word, &ms)) {
        FUZZ_ASSERT(ms >= 0 && ms <= DATE_MAX_MS);
        date_format(ms, date);
        FUZZ_ASSERT(date_parse(date, &ms_again) && ms_again == ms);
    }
    if (hashkey_parse(word, &key)) {
        hashkey_format(key, key_text);
        FUZZ_ASSERT(text_equal(key_text, word));
    }
    if (clock_scaled_parse(word, &clock, &err) == 0)
        FUZZ_ASSERT(clock_now_ms(&clock.clock) >= 0);
    else
        FUZZ_ASSERT(err.kind == ERROR_CONFIG);
}

static void try_places(const char *word)
{
    SCOPED(free_text) char *again = NULL;
    struct error err = {0};
    struct arn arn;
    char host[64];
    uint16_t port;

    if (arn_parse(word, &arn, &err) == 0) {
        again = must_printf("arn:%s:%s:%s:%s:%s", arn.partition, arn.service, arn.region, arn.account,
                            arn.resource);
        FUZZ_ASSERT(text_equal(again, word));
    } else {
        FUZZ_ASSERT(err.kind == ERROR_INPUT);
    }
    if (http_address_parse(word, host, sizeof(host), &port, &err) == 0)
        FUZZ_ASSERT(host[0] != '\0' && strstr(word, host) != NULL);
    else
        FUZZ_ASSERT(err.kind == ERROR_CONFIG);
    (void)aws_region_is_plausible(word); /* only that it ends */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const candidates[] = {"min_shards", "max_shards", "", "x", NULL};
    SCOPED(free_text) char *words = must_strndup((const char *)data, size);
    char *cursor = words;
    char *word;

    (void)text_is_utf8((const char *)data, size); /* only that it ends, and stays inside */
    for (int i = 0; i < WORDS_TRIED && (word = text_split(&cursor, ',')) != NULL; i++) {
        try_numbers(word);
        try_times_and_keys(word);
        try_places(word);
        (void)text_nearest(word, candidates); /* as above */
    }
    return 0;
}
