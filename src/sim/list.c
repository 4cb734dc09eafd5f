/*
 * list.c - Kinesis: ListShards, DescribeStream and ListStreams, page by page.
 *
 * A NextToken carries all of its request, is good for five minutes, and cannot be made up: it ends with a
 * checksum over the seed.
 */
#include "keys.h"
#include "streams.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

enum {
    HTTP_REFUSED = 400,
    TOKEN_LIFE_MS = 300000,
    SHARDS_PER_PAGE = 1000,
    DESCRIBED_PER_PAGE = 100,
    STREAMS_PER_PAGE = 100
};

struct filter {
    int type; /* index into filters */
    int64_t shard, at_ms;
};

/* Each sees a shard that is shown; `open` is how it is shown. */
static bool any_shard(const struct shard *shard, bool open, const struct filter *filter)
{
    (void)shard;
    (void)open;
    (void)filter;
    return true;
}

static bool after_shard(const struct shard *shard, bool open, const struct filter *filter)
{
    (void)open;
    return shard->index > filter->shard;
}

static bool open_shard(const struct shard *shard, bool open, const struct filter *filter)
{
    (void)shard;
    (void)filter;
    return open;
}

static bool from_time(const struct shard *shard, bool open, const struct filter *filter)
{
    return open || shard->closed_ms >= filter->at_ms;
}

static bool at_time(const struct shard *shard, bool open, const struct filter *filter)
{
    return shard->created_ms <= filter->at_ms && from_time(shard, open, filter);
}

static const struct {
    const char *name;
    bool (*passes)(const struct shard *shard, bool open, const struct filter *filter);
    bool wants_shard, wants_time;
} filters[] = {
    {"FROM_TRIM_HORIZON", any_shard, false, false}, {"AFTER_SHARD_ID", after_shard, true, false},
    {"AT_TRIM_HORIZON", at_time, false, false},     {"AT_LATEST", open_shard, false, false},
    {"AT_TIMESTAMP", at_time, false, true},         {"FROM_TIMESTAMP", from_time, false, true},
};
enum { FILTER_AT_TRIM_HORIZON = 2 };

void model_shard_page_clear(struct shard_page *page)
{
    free(page->items);
    page->items = NULL;
    page->count = 0;
}

/* Shown shards after `after` that pass, `limit` at most. */
static void fill_page(struct stream *stream, const struct filter *filter, int64_t after, int64_t limit,
                      struct shard_page *page)
{
    *page = (struct shard_page){.stream = stream};
    page->items = must_calloc(stream->shard_count + 1, sizeof(*page->items));
    for (size_t i = 0; i < stream->shard_count; i++) {
        const struct shard *shard = &stream->shards[i];

        if (shard->index <= after || !model_shard_is_listed(stream, shard) ||
            !filters[filter->type].passes(shard, model_shard_is_open(stream, shard), filter))
            continue;
        if ((int64_t)page->count == limit) {
            page->has_more = true;
            return;
        }
        page->items[page->count++] = shard;
    }
}

/* ---- tokens */

static uint64_t checksum(const struct sim *sim, const char *text)
{
    uint64_t hash = model_mix(sim->seed);

    for (; *text != '\0'; text++)
        hash = model_mix(hash ^ (unsigned char)*text);
    return hash;
}

struct position {
    char stream[MODEL_NAME_SIZE];
    int64_t created_ms, after, issued_ms;
    struct filter filter;
};

static void write_token(const struct sim *sim, const struct position *position, char token[MODEL_TOKEN_SIZE])
{
    char text[MODEL_TOKEN_SIZE / 2], *to = token;
    int length =
        snprintf(text, sizeof(text), "%s/%lld/%lld/%lld/%d/%lld/%lld/", position->stream,
                 (long long)position->created_ms, (long long)position->after, (long long)position->issued_ms,
                 position->filter.type, (long long)position->filter.shard, (long long)position->filter.at_ms);

    snprintf(text + length, sizeof(text) - (size_t)length, "%016llx",
             (unsigned long long)checksum(sim, text));
    for (const char *at = text; *at != '\0'; at++)
        to += snprintf(to, 3, "%02x", (unsigned char)*at);
}

static bool decode_hex(const char *hex, char *text, size_t size)
{
    size_t length = strlen(hex);

    if (length % 2 != 0 || length / 2 >= size || strspn(hex, "0123456789abcdef") != length)
        return false;
    for (size_t i = 0; i < length / 2; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        text[i] = (char)strtol(pair, NULL, 16);
    }
    text[length / 2] = '\0';
    return true;
}

static bool read_token(const struct sim *sim, const char *token, struct position *ret_position)
{
    char text[MODEL_TOKEN_SIZE / 2], sum[17], *slash, *cursor = text;
    int64_t numbers[6];
    struct position position = {0};

    if (!decode_hex(token, text, sizeof(text)) || (slash = strrchr(text, '/')) == NULL)
        return false;
    text_copy(sum, sizeof(sum), slash + 1);
    slash[1] = '\0';
    if (strtoull(sum, NULL, 16) != checksum(sim, text))
        return false;
    text_copy(position.stream, sizeof(position.stream), text_split(&cursor, '/'));
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        const char *piece = text_split(&cursor, '/');

        if (piece == NULL || !number_parse(piece, INT64_MIN, INT64_MAX, &numbers[i]))
            return false;
    }
    position.created_ms = numbers[0];
    position.after = numbers[1];
    position.issued_ms = numbers[2];
    position.filter = (struct filter){(int)numbers[3], numbers[4], numbers[5]};
    *ret_position = position;
    return true;
}

/* ---- ListShards */

static int invalid(struct fault *fault, const char *text)
{
    return model_fault(fault, "InvalidArgumentException", HTTP_REFUSED, "%s", text);
}

static int parse_filter(const struct list_shards *request, struct filter *ret_filter, struct fault *fault)
{
    struct filter filter = {0};

    if (request->filter_type == NULL) {
        *ret_filter = filter;
        return 0;
    }
    while (filter.type < (int)COUNT_OF(filters) &&
           !text_equal(request->filter_type, filters[filter.type].name))
        filter.type++;
    if (filter.type == (int)COUNT_OF(filters))
        return invalid(fault, "ShardFilter Type is not known.");
    if (filters[filter.type].wants_shard &&
        (request->filter_shard == NULL || !model_parse_shard_id(request->filter_shard, &filter.shard)))
        return invalid(fault, "ShardFilter of type AFTER_SHARD_ID requires a valid ShardId.");
    if (filters[filter.type].wants_time && request->filter_ms < 0)
        return invalid(fault, "ShardFilter of type AT_TIMESTAMP or FROM_TIMESTAMP requires a Timestamp.");
    filter.at_ms = request->filter_ms;
    *ret_filter = filter;
    return 0;
}

static int begin_listing(struct sim *sim, const struct list_shards *request, struct position *ret_position,
                         struct stream **ret_stream, struct fault *fault)
{
    struct position position = {.after = -1};
    struct stream *stream;

    if (parse_filter(request, &position.filter, fault) < 0 ||
        model_find_stream(sim, request->stream, &stream, fault) < 0)
        return -1;
    if (request->after != NULL && !model_parse_shard_id(request->after, &position.after))
        return invalid(fault, "ExclusiveStartShardId is not a shard id.");
    if (request->created_ms != 0 && request->created_ms / 1000 != stream->created_ms / 1000)
        return model_fault(fault, "ResourceNotFoundException", HTTP_REFUSED,
                           "Stream %s under account %s not found.", stream->name, sim->account);
    if (position.filter.type == FILTER_AT_TRIM_HORIZON) {
        int64_t trim_ms = sim->now_ms - stream->retention_hours * 3600000;
        int64_t first_ms = stream->shard_count > 0 ? stream->shards[0].created_ms : trim_ms;

        position.filter.at_ms = first_ms > trim_ms ? first_ms : trim_ms;
    }
    text_copy(position.stream, sizeof(position.stream), stream->name);
    position.created_ms = stream->created_ms;
    *ret_position = position;
    *ret_stream = stream;
    return 0;
}

static int continue_listing(struct sim *sim, const char *token, struct position *ret_position,
                            struct stream **ret_stream, struct fault *fault)
{
    struct position position;
    struct stream *stream;

    if (!read_token(sim, token, &position))
        return invalid(fault, "NextToken is invalid.");
    if (sim->now_ms - position.issued_ms > TOKEN_LIFE_MS)
        return model_fault(fault, "ExpiredNextTokenException", HTTP_REFUSED, "NextToken has expired.");
    if (model_find_stream(sim, position.stream, &stream, fault) < 0)
        return -1;
    if (stream->created_ms != position.created_ms)
        return invalid(fault, "NextToken is of a stream that was deleted.");
    *ret_position = position;
    *ret_stream = stream;
    return 0;
}

int model_list_shards(struct sim *sim, const struct list_shards *request, struct shard_page *ret_page,
                      struct fault *fault)
{
    struct position position;
    struct stream *stream = NULL;
    int64_t limit = request->max_results == 0 || request->max_results > SHARDS_PER_PAGE
                        ? SHARDS_PER_PAGE
                        : request->max_results;
    int result = request->next_token != NULL
                     ? continue_listing(sim, request->next_token, &position, &stream, fault)
                     : begin_listing(sim, request, &position, &stream, fault);

    if (result < 0)
        return -1;
    fill_page(stream, &position.filter, position.after, limit, ret_page);
    if (ret_page->has_more) {
        position.after = ret_page->items[ret_page->count - 1]->index;
        position.issued_ms = sim->now_ms;
        write_token(sim, &position, ret_page->next_token);
    }
    return 0;
}

int model_describe_stream(struct sim *sim, const char *name, const char *after, int64_t limit,
                          struct shard_page *ret_page, struct fault *fault)
{
    struct filter all = {0};
    struct stream *stream;
    int64_t index = -1;

    if (model_find_stream(sim, name, &stream, fault) < 0)
        return -1;
    if (after != NULL && !model_parse_shard_id(after, &index))
        return invalid(fault, "ExclusiveStartShardId is not a shard id.");
    fill_page(stream, &all, index, limit == 0 ? DESCRIBED_PER_PAGE : limit, ret_page);
    return 0;
}

/* The token is the last name of the page before. */
int model_list_streams(struct sim *sim, int64_t limit, const char *after, const char *token,
                       struct stream_page *ret_page, struct fault *fault)
{
    struct stream_page page = {.items = sim->streams, .count = sim->stream_count};
    size_t most = limit == 0 ? STREAMS_PER_PAGE : (size_t)limit;

    if (token != NULL && strlen(token) >= MODEL_NAME_SIZE)
        return invalid(fault, "NextToken is invalid.");
    if (token != NULL)
        after = token;
    while (after != NULL && page.count > 0 && strcmp(page.items[0]->name, after) <= 0) {
        page.items++;
        page.count--;
    }
    if (page.count > most) {
        page.count = most;
        page.has_more = true;
        text_copy(page.next_token, sizeof(page.next_token), page.items[most - 1]->name);
    }
    *ret_page = page;
    return 0;
}
