/*
 * config_patterns.c - sections that speak of many streams: [stream orders-*].
 *
 * A '*' stands for any characters, none included.  Of two patterns that match a stream the one with more characters
 * besides '*' is the more exact and holds alone; a section with the stream's own name beats them all.  Two
 * that are equally exact and have a stream in common would leave it to chance, so such a file is refused.
 */
#include "config_parts.h"

#include "base/memory.h"
#include "base/text.h"

bool config_is_pattern(const char *name)
{
    return strchr(name, '*') != NULL;
}

static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) { /* the last '*' takes one more */
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* Is there a name that both match?  meet[j]: that of a from i on and that of b from j on do. */
static bool have_a_name_in_common(const char *a, const char *b)
{
    bool meet[STREAM_NAME_SIZE + 1] = {false};
    size_t length = strlen(b);

    for (size_t i = strlen(a) + 1; i-- > 0;) {
        bool below = false; /* meet[j + 1] of the row before */

        for (size_t j = length + 1; j-- > 0;) {
            bool old = meet[j];
            bool right = j < length && meet[j + 1];

            if (a[i] == '\0' && b[j] == '\0')
                meet[j] = true;
            else if (a[i] == '*' || b[j] == '*')
                meet[j] = (a[i] != '\0' && old) || right;
            else
                meet[j] = a[i] == b[j] && below;
            below = old;
        }
    }
    return meet[0];
}

static size_t exactness(const char *pattern)
{
    size_t count = 0;

    for (; *pattern != '\0'; pattern++)
        count += *pattern != '*';
    return count;
}

static int compare_patterns(const void *a, const void *b)
{
    const struct stream_config *left = a, *right = b;
    size_t left_exact = exactness(left->name), right_exact = exactness(right->name);

    if (left_exact != right_exact)
        return left_exact < right_exact ? 1 : -1;
    return left->line - right->line;
}

void config_check_patterns(const struct config *config, struct fault_log *faults)
{
    for (size_t i = 0; i < config->pattern_count; i++) {
        const struct stream_config *one = &config->patterns[i];

        for (size_t j = i + 1; j < config->pattern_count; j++) {
            const struct stream_config *other = &config->patterns[j];

            if (exactness(one->name) != exactness(other->name))
                break; /* the most exact ones come first */
            if (strcmp(one->name, other->name) != 0 && have_a_name_in_common(one->name, other->name))
                fault_add(
                    faults, other->line,
                    "'%s' and '%s' of line %d can match the same stream, and neither is more exact: the one "
                    "with more characters besides '*' would hold",
                    other->name, one->name, one->line);
        }
    }
}

/* What is left in `streams` keeps its order. */
void config_take_patterns(struct config *config)
{
    size_t left = 0;

    config->patterns = must_calloc(config->stream_count, sizeof(*config->patterns));
    for (size_t i = 0; i < config->stream_count; i++) {
        if (config_is_pattern(config->streams[i].name))
            config->patterns[config->pattern_count++] = config->streams[i];
        else
            config->streams[left++] = config->streams[i];
    }
    config->stream_count = left;
    qsort(config->patterns, config->pattern_count, sizeof(*config->patterns), compare_patterns);
}

static const struct stream_config *find_pattern(const struct config *config, const char *stream)
{
    for (size_t i = 0; i < config->pattern_count; i++) {
        if (matches(config->patterns[i].name, stream))
            return &config->patterns[i];
    }
    return NULL;
}

static void settle(const struct stream_config *pattern, const char *stream, struct stream_config *ret_settled)
{
    *ret_settled = *pattern;
    (void)text_copy(ret_settled->pattern, sizeof(ret_settled->pattern), pattern->name);
    (void)text_copy(ret_settled->name, sizeof(ret_settled->name), stream);
}

const struct stream_config *config_resolve(const struct config *config, const char *stream,
                                           struct stream_config *room)
{
    const struct stream_config *found = config_find(config, stream);
    const struct stream_config *pattern;

    if (found != NULL)
        return found;
    pattern = config_is_stream_name(stream) ? find_pattern(config, stream) : NULL;
    if (pattern == NULL)
        return NULL;
    settle(pattern, stream, room);
    return room;
}

bool config_covers(const struct config *config, const char *stream)
{
    struct stream_config room;

    return config_resolve(config, stream, &room) != NULL;
}

/* How many streams have a section of their own; they come first. */
static size_t count_own(const struct config *config)
{
    size_t count = 0;

    while (count < config->stream_count && config->streams[count].pattern[0] == '\0')
        count++;
    return count;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct stream_config *)a)->name, ((const struct stream_config *)b)->name);
}

/* Those of `names` that only a pattern matches, sorted, each once. */
static size_t settle_names(const struct config *config, const struct names *names,
                           struct stream_config *ret_found)
{
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < names->count; i++) {
        const struct stream_config *own = config_find(config, names->items[i]);
        const struct stream_config *pattern;

        if ((own != NULL && own->pattern[0] == '\0') || !config_is_stream_name(names->items[i]))
            continue;
        pattern = find_pattern(config, names->items[i]);
        if (pattern != NULL)
            settle(pattern, names->items[i], &ret_found[count++]);
    }
    qsort(ret_found, count, sizeof(*ret_found), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(ret_found[i].name, ret_found[kept - 1].name) != 0)
            ret_found[kept++] = ret_found[i];
    }
    return kept;
}

static bool same_names(const struct stream_config *a, const struct stream_config *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a[i].name, b[i].name) != 0)
            return false;
    }
    return true;
}

struct config *config_with_found(const struct config *config, const struct names *names)
{
    size_t own = count_own(config);
    struct stream_config *found = must_calloc(names->count, sizeof(*found));
    size_t count = settle_names(config, names, found);
    struct config *with = NULL;

    if (own + count != config->stream_count || !same_names(found, config->streams + own, count)) {
        with = must_calloc(1, sizeof(*with));
        with->service = config->service;
        with->defaults = config->defaults;
        with->pattern_count = config->pattern_count;
        with->patterns = must_calloc(config->pattern_count, sizeof(*with->patterns));
        with->stream_count = own + count;
        with->streams = must_calloc(with->stream_count, sizeof(*with->streams));
        for (size_t i = 0; i < config->pattern_count; i++)
            with->patterns[i] = config->patterns[i];
        for (size_t i = 0; i < with->stream_count; i++)
            with->streams[i] = i < own ? config->streams[i] : found[i - own];
        config_index(with);
    }
    free(found);
    return with;
}

struct config *config_only(const struct config *config, const char *stream)
{
    struct stream_config room;
    const struct stream_config *found = config_resolve(config, stream, &room);
    struct config *only;

    if (found == NULL)
        return NULL;
    only = must_calloc(1, sizeof(*only));
    only->service = config->service;
    only->defaults = config->defaults;
    only->stream_count = 1;
    only->streams = must_calloc(1, sizeof(*only->streams));
    only->streams[0] = *found;
    config_index(only);
    return only;
}
