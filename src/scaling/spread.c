/*
 * spread.c - cells of hash keys, cut where shards begin and weighed by what shards carried.
 */
#include "scaling/spread.h"

#include "base/memory.h"
#include "scaling/lineage.h"

#include <math.h>

/* A hot key that has lost this much of its load is looked at anew. */
#define COLD_PART 0.5
/* Widths that were stored are off by less. */
#define ROUNDING 1e-6

void spread_clear(struct spread *spread)
{
    free(spread->cells);
    *spread = (struct spread){0};
}

static hashkey end_of(const struct spread *spread, size_t cell)
{
    return cell + 1 < spread->count ? spread->cells[cell + 1].start - 1 : HASHKEY_MAX;
}

/* The cell that contains the key. */
static size_t cell_at(const struct spread *spread, hashkey key)
{
    size_t low = 0, high = spread->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (spread->cells[middle].start <= key)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- asking */

double spread_part(const struct spread *spread, hashkey start, hashkey end)
{
    double part = 0;

    if (spread->count == 0)
        return hashkey_share(start, end);
    for (size_t i = cell_at(spread, start); i < spread->count && spread->cells[i].start <= end; i++) {
        hashkey first = spread->cells[i].start, last = end_of(spread, i);

        if (start <= first && last <= end)
            part += spread->cells[i].part;
        else
            part += spread->cells[i].part *
                    hashkey_share(first > start ? first : start, last < end ? last : end) /
                    hashkey_share(first, last);
    }
    return part;
}

bool spread_is_guessed(const struct spread *spread, const struct shard_map *map)
{
    for (size_t i = 0; i < map->count && spread->count > 0; i++) {
        size_t cell = cell_at(spread, map->items[i].start);

        if (spread->cells[cell].start != map->items[i].start || end_of(spread, cell) < map->items[i].end)
            continue;
        if (spread->cells[cell].guessed || end_of(spread, cell) > map->items[i].end)
            return true;
    }
    return false;
}

static bool is_hot(const struct spread *spread, size_t cell)
{
    return spread->cells[cell].kept >= SPREAD_CUTS_KEPT;
}

bool spread_is_hot(const struct spread *spread, hashkey start, hashkey end)
{
    double part = spread_part(spread, start, end);

    for (size_t i = spread->count == 0 ? 0 : cell_at(spread, start);
         i < spread->count && spread->cells[i].start <= end; i++) {
        if (is_hot(spread, i) && spread->cells[i].start >= start && end_of(spread, i) <= end &&
            spread->cells[i].part >= part * HOT_CHILD_PART)
            return true;
    }
    return false;
}

/* Of the load that is wanted below the key, what lies in this cell says where; a hot one has no inside. */
static hashkey key_within(const struct spread *spread, size_t cell, hashkey from, hashkey to, double fraction)
{
    hashkey key;

    if (is_hot(spread, cell) || !hashkey_at_fraction(from, to, fraction, &key))
        return fraction < 0.5 || to == HASHKEY_MAX ? from : to + 1;
    return key;
}

bool spread_key(const struct spread *spread, hashkey start, hashkey end, double fraction, hashkey *ret_key)
{
    double wanted = spread_part(spread, start, end) * fraction;
    hashkey key = start;

    if (spread->count == 0 || !(wanted > 0))
        return hashkey_at_fraction(start, end, fraction, ret_key);
    for (size_t i = cell_at(spread, start); i < spread->count && spread->cells[i].start <= end; i++) {
        hashkey from = spread->cells[i].start > start ? spread->cells[i].start : start;
        hashkey to = end_of(spread, i) < end ? end_of(spread, i) : end;
        double part = spread_part(spread, from, to);

        if (wanted < part || to == end) {
            key = key_within(spread, i, from, to, fmin(wanted / part, 1 - 1e-9));
            break;
        }
        wanted -= part;
    }
    *ret_key = key;
    return key > start + 1 && key < end;
}

/* ---- learning */

static double share_of(const struct spread *spread, size_t cell)
{
    return hashkey_share(spread->cells[cell].start, end_of(spread, cell));
}

/* One that is not much narrower than what it was cut out of is still asked whether it keeps the load of that. */
static void cut(struct spread *spread, hashkey key)
{
    size_t at = cell_at(spread, key);
    struct spread_cell *cells = spread->cells, whole = cells[at];
    double share = share_of(spread, at), below;

    if (whole.start == key)
        return;
    if (!whole.guessed && (whole.cut_share <= share * (1 + ROUNDING) || whole.part > whole.cut_from)) {
        whole.cut_from = whole.part;
        whole.cut_share = share;
    }
    below = hashkey_share(whole.start, key - 1) / share;
    cells = spread->cells = must_realloc(cells, spread->count + 1, sizeof(*cells));
    memmove(&cells[at + 1], &cells[at], (spread->count++ - at) * sizeof(*cells));
    cells[at] = cells[at + 1] = whole;
    cells[at].guessed = cells[at + 1].guessed = true;
    cells[at].part = whole.part * below;
    cells[at + 1].part = whole.part * (1 - below);
    cells[at + 1].start = key;
}

/* The cell is a shard by itself: what it carries is known, not guessed. */
static void measured(struct spread_cell *cell, double share, double part)
{
    bool kept = part >= HOT_CHILD_PART * cell->cut_from;

    if (cell->guessed && (!kept || share <= SPREAD_CUT_WIDTH * cell->cut_share)) {
        cell->kept = !kept ? 0 : cell->kept < SPREAD_CUTS_KEPT ? cell->kept + 1 : SPREAD_CUTS_KEPT;
        cell->cut_from = part;
        cell->cut_share = share;
    } else if (!cell->guessed && part < COLD_PART * cell->cut_from) {
        cell->kept = 0;
    }
    cell->guessed = false;
}

static void weigh(struct spread *spread, const struct shard *shard, double part)
{
    size_t first = cell_at(spread, shard->start), last = cell_at(spread, shard->end);
    double before = spread_part(spread, shard->start, shard->end);
    bool guessed = false;

    for (size_t i = first; i <= last; i++)
        guessed |= spread->cells[i].guessed;
    if (!guessed && part < before)
        part = (part + before) / 2;
    for (size_t i = first; i <= last; i++) {
        struct spread_cell *cell = &spread->cells[i];

        cell->part = before > 0 ? cell->part * (part / before)
                                : part * hashkey_share(cell->start, end_of(spread, i)) /
                                      hashkey_share(shard->start, shard->end);
    }
    if (first == last)
        measured(&spread->cells[first], share_of(spread, first), part);
}

static void join_next(struct spread *spread, size_t at)
{
    struct spread_cell *cells = spread->cells;

    cells[at].part += cells[at + 1].part;
    cells[at].cut_from = cells[at].part;
    cells[at].kept = 0;
    cells[at].guessed |= cells[at + 1].guessed;
    memmove(&cells[at + 1], &cells[at + 2], (spread->count - at - 2) * sizeof(*cells));
    spread->count--;
    cells[at].cut_share = share_of(spread, at);
}

static void join_least(struct spread *spread)
{
    const struct spread_cell *cells = spread->cells;
    size_t least = 0;

    for (size_t i = 1; i + 1 < spread->count; i++) {
        if (cells[i].part + cells[i + 1].part < cells[least].part + cells[least + 1].part)
            least = i;
    }
    join_next(spread, least);
}

/* If the two were of one width, would neither have more than EVEN_HALF_PART of what they carry? */
static bool is_even(const struct spread *spread, size_t cell, size_t next)
{
    double one = spread->cells[cell].part * share_of(spread, next);
    double other = spread->cells[next].part * share_of(spread, cell);

    return fmax(one, other) <= EVEN_HALF_PART * (one + other);
}

/* What is even needs no boundary, but for those of the shards. */
static void join_even(struct spread *spread, const struct shard_map *map)
{
    size_t shard = 0, cell = 0;

    while (cell + 1 < spread->count) {
        hashkey boundary = spread->cells[cell + 1].start;

        while (shard < map->count && map->items[shard].start < boundary)
            shard++;
        if ((shard < map->count && map->items[shard].start == boundary) || is_hot(spread, cell) ||
            is_hot(spread, cell + 1) || !is_even(spread, cell, cell + 1))
            cell++;
        else
            join_next(spread, cell);
    }
}

void spread_learn(struct spread *spread, const struct shard_map *map, const double *parts)
{
    if (spread->count == 0) {
        spread_clear(spread);
        spread->cells = must_calloc(1, sizeof(*spread->cells));
        spread->cells[0] = (struct spread_cell){.part = 1, .cut_from = 1, .cut_share = 1};
        spread->count = 1;
    }
    while (spread->count > SPREAD_CELLS_MAX)
        join_least(spread);
    for (size_t i = 1; i < map->count; i++)
        cut(spread, map->items[i].start);
    for (size_t i = 0; i < map->count; i++) {
        if (!isnan(parts[i]))
            weigh(spread, &map->items[i], parts[i]);
    }
    join_even(spread, map);
}
