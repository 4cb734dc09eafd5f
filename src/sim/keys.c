/*
 * keys.c - partition keys on the ring: many alike, many by Zipf's law, one that is hot, or a slice that is.
 *
 * Kinesis takes the MD5 of a key; any good mix spreads made-up keys just as well.
 */
#include "keys.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "sim/sim.h"
#include "traffic.h"

#include <math.h>

enum { SLICES_MAX = 10000 };

struct placed_key {
    hashkey at;
    double until; /* the weight of this key and all before it */
};
struct keys {
    enum key_spread spread;
    struct placed_key *ring; /* by place */
    size_t count;
    double ring_share; /* what the keys on the ring, or on the slice, have; the rest is spread evenly */
    hashkey slice_start, slice_end;
};

/* The finaliser of splitmix64. */
uint64_t model_mix(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

static hashkey place(uint64_t seed, uint64_t key)
{
    uint64_t high = model_mix(seed ^ model_mix(2 * key)), low = model_mix(seed ^ model_mix(2 * key + 1));

    return (hashkey)high << 64 | low;
}

static int compare_places(const void *a, const void *b)
{
    const struct placed_key *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* `until` holds each key's own weight before, the sum up to it (of 1 in all) after. */
static void build_ring(struct keys *keys)
{
    double sum = 0, total = 0;

    qsort(keys->ring, keys->count, sizeof(*keys->ring), compare_places);
    for (size_t i = 0; i < keys->count; i++)
        total += keys->ring[i].until;
    for (size_t i = 0; i < keys->count; i++) {
        sum += keys->ring[i].until;
        keys->ring[i].until = sum / total;
    }
}

static int parse_zipf(struct keys *keys, char *arguments, uint64_t seed, struct error *err)
{
    const char *exponent_text = text_split(&arguments, ':');
    const char *count_text = text_split(&arguments, ':');
    double exponent;
    int64_t count;

    if (count_text == NULL || arguments != NULL || !number_parse_double(exponent_text, &exponent) ||
        exponent < 0 || exponent > 10 || !number_parse(count_text, 1, KEYS_MAX, &count))
        return error_set(err, ERROR_INPUT, "'zipf' wants 'S:KEYS', S from 0 to 10, KEYS from 1 to %d",
                         KEYS_MAX);
    keys->spread = KEYS_ZIPF;
    keys->ring_share = 1;
    keys->count = (size_t)count;
    keys->ring = must_calloc(keys->count, sizeof(*keys->ring));
    for (size_t i = 0; i < keys->count; i++)
        keys->ring[i] = (struct placed_key){place(seed, i), pow((double)(i + 1), -exponent)};
    build_ring(keys);
    return 0;
}

static int parse_hot(struct keys *keys, char *arguments, uint64_t seed, struct error *err)
{
    double share;

    if (!number_parse_double(arguments, &share) || share <= 0 || share > 1)
        return error_set(err, ERROR_INPUT, "'hot' wants a share above 0 and up to 1, not '%.64s'", arguments);
    keys->spread = KEYS_HOT;
    keys->ring_share = share;
    keys->count = 1;
    keys->ring = must_calloc(1, sizeof(*keys->ring));
    keys->ring[0] = (struct placed_key){place(seed, 0), 1};
    return 0;
}

static int parse_slice(struct keys *keys, char *arguments, struct error *err)
{
    const char *share_text = text_split(&arguments, ':'), *number_text = text_split(&arguments, ':');
    const char *of_text = text_split(&arguments, ':');
    int64_t number, of;
    double share;

    if (of_text == NULL || arguments != NULL || !number_parse_double(share_text, &share) || share <= 0 ||
        share > 1 || !number_parse(of_text, 1, SLICES_MAX, &of) ||
        !number_parse(number_text, 0, of - 1, &number))
        return error_set(
            err, ERROR_INPUT,
            "'slice' wants 'SHARE:N:OF', SHARE above 0 and up to 1, N from 0 to OF - 1, OF from 1 to %d",
            SLICES_MAX);
    keys->spread = KEYS_SLICE;
    keys->ring_share = share;
    keys->slice_start = hashkey_even_start((unsigned)number, (unsigned)of);
    keys->slice_end =
        number + 1 == of ? HASHKEY_MAX : hashkey_even_start((unsigned)number + 1, (unsigned)of) - 1;
    return 0;
}

static void free_keys(struct keys **keys)
{
    model_keys_free(*keys);
}

int model_keys_parse(const char *text, uint64_t seed, struct keys **ret_keys, struct error *err)
{
    SCOPED(free_keys) struct keys *keys = must_calloc(1, sizeof(*keys));
    SCOPED(free_text) char *copy = must_strdup(text);
    char *arguments = strchr(copy, ':');
    int result = 0;

    if (arguments != NULL)
        *arguments++ = '\0';
    if (text_equal(copy, "uniform") && arguments == NULL)
        keys->spread = KEYS_UNIFORM;
    else if (text_equal(copy, "zipf") && arguments != NULL)
        result = parse_zipf(keys, arguments, seed, err);
    else if (text_equal(copy, "hot") && arguments != NULL)
        result = parse_hot(keys, arguments, seed, err);
    else if (text_equal(copy, "slice") && arguments != NULL)
        result = parse_slice(keys, arguments, err);
    else
        result =
            error_set(err, ERROR_INPUT,
                      "keys '%.64s' are none of uniform, zipf:S:KEYS, hot:SHARE, slice:SHARE:N:OF", text);
    if (result < 0)
        return -1;
    *ret_keys = keys;
    keys = NULL;
    return 0;
}

int sim_check_keys(const char *text, struct error *err)
{
    SCOPED(free_keys) struct keys *keys = NULL;

    if (model_keys_parse(text, 0, &keys, err) == 0)
        return 0;
    err->kind = ERROR_CONFIG; /* what an operator wrote */
    return -1;
}

void model_keys_free(struct keys *keys)
{
    if (keys == NULL)
        return;
    free(keys->ring);
    free(keys);
}

/* The weight of the keys placed below `end`, or at it when `inclusive`. */
static double weight_below(const struct keys *keys, hashkey end, bool inclusive)
{
    size_t low = 0, high = keys->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (keys->ring[middle].at < end || (inclusive && keys->ring[middle].at == end))
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : keys->ring[low - 1].until;
}

static double part_on_slice(const struct keys *keys, hashkey start, hashkey end)
{
    hashkey from = start > keys->slice_start ? start : keys->slice_start;
    hashkey to = end < keys->slice_end ? end : keys->slice_end;

    return hashkey_share(from, to) / hashkey_share(keys->slice_start, keys->slice_end);
}

double model_keys_share(const struct keys *keys, hashkey start, hashkey end)
{
    double on_ring;

    if (keys->spread == KEYS_UNIFORM)
        return hashkey_share(start, end);
    on_ring = keys->spread == KEYS_SLICE ? part_on_slice(keys, start, end)
                                         : weight_below(keys, end, true) - weight_below(keys, start, false);
    return keys->ring_share * on_ring + (1 - keys->ring_share) * hashkey_share(start, end);
}

/* ---- what single keys ask for */

static int compare_downwards(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x < *y) - (*x > *y);
}

/* The shares of all keys on the ring, the largest first; the caller frees them. */
static double *shares_downwards(const struct keys *keys)
{
    double *shares = must_calloc(keys->count, sizeof(*shares)), before = 0;

    for (size_t i = 0; i < keys->count; i++) {
        shares[i] = keys->ring_share * (keys->ring[i].until - before);
        before = keys->ring[i].until;
    }
    qsort(shares, keys->count, sizeof(*shares), compare_downwards);
    return shares;
}

int sim_keys_excess(const struct sim_load *load, const char *text, double *ret_bytes, double *ret_records,
                    struct error *err)
{
    SCOPED(free_keys) struct keys *keys = NULL;
    double *shares;

    *ret_bytes = *ret_records = 0;
    if (model_keys_parse(text, 0, &keys, err) < 0) /* shares are the same wherever they lie */
        return -1;
    shares = shares_downwards(keys);
    for (size_t i = 0; i < load->count; i++) {
        const struct sim_minute *minute = &load->minutes[i];

        for (size_t k = 0; k < keys->count; k++) {
            double bytes = minute->bytes * shares[k], records = minute->records * shares[k];
            double part = model_accepted_part(bytes / 60, records / 60);

            if (part >= 1)
                break; /* and none of those that ask for less */
            *ret_bytes += bytes * (1 - part);
            *ret_records += records * (1 - part);
        }
    }
    free(shares);
    return 0;
}
