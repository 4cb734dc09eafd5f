/*
 * layout.c - where shards should begin.
 *
 * A rise only splits: each shard for itself.  For a give-back all places where a shard could begin stand in a row: where
 * shards begin now, where they once did, and some between; the cheapest choice among them is found from the left.
 */
#include "scaling/layout.h"

#include "base/memory.h"

#include <math.h>

/* A load that is known to be 0 and one that is a little more are told apart by less than this. */
#define BY_WIDTH 1e-9
#define SLACK 1e-9
/* Parts that were added up are off by less. */
#define ROUNDING 1e-6

enum {
    SHARD_PARTS_MAX = 64, /* of one shard in one rise; the next look goes on */
    GRAIN = 6,            /* places in as much load as a shard may carry */
    SEARCH_STEPS = 20,
    KEYS_APART = 4, /* nearer to each other no split makes them */
};

static double load_of(const struct layout_facts *facts, hashkey start, hashkey end)
{
    return facts->demand * spread_part(facts->spread, start, end) + BY_WIDTH * hashkey_share(start, end);
}

double layout_capacity(const struct layout_facts *facts)
{
    double largest = 0;

    for (size_t i = 0; i < facts->map->count; i++) {
        const struct shard *shard = &facts->map->items[i];

        if (!spread_is_hot(facts->spread, shard->start, shard->end))
            largest = fmax(largest, spread_part(facts->spread, shard->start, shard->end));
    }
    return 1 / largest;
}

const struct shard *layout_hot(const struct layout_facts *facts, double *ret_part)
{
    const struct shard *hot = NULL;

    *ret_part = 0;
    for (size_t i = 0; i < facts->map->count; i++) {
        const struct shard *shard = &facts->map->items[i];
        double part = spread_part(facts->spread, shard->start, shard->end);

        if (part > *ret_part && spread_is_hot(facts->spread, shard->start, shard->end)) {
            hot = shard;
            *ret_part = part;
        }
    }
    return hot;
}

/* ---- up */

static int64_t parts_of(const struct layout_facts *facts, const struct shard *shard, double limit)
{
    double parts = ceil(load_of(facts, shard->start, shard->end) / limit - SLACK);

    if (spread_is_hot(facts->spread, shard->start, shard->end) || parts < 1)
        return 1;
    return parts < SHARD_PARTS_MAX ? (int64_t)parts : SHARD_PARTS_MAX;
}

static int64_t all_parts(const struct layout_facts *facts, double limit)
{
    int64_t parts = 0;

    for (size_t i = 0; i < facts->map->count; i++)
        parts += parts_of(facts, &facts->map->items[i], limit);
    return parts;
}

/* The limit between two for which there are about so many parts, and not more when `at_most`. */
static double limit_for(const struct layout_facts *facts, double low, double high, int64_t parts,
                        bool at_most)
{
    for (int i = 0; i < 3 * SEARCH_STEPS; i++) {
        double middle = sqrt(low * high);
        int64_t found = all_parts(facts, middle);

        if (found > parts || (!at_most && found == parts))
            low = middle;
        else
            high = middle;
    }
    return at_most ? high : low;
}

/* Where not all may have what they need: one more for the fullest, as long as it needs one and `room` is left. */
static void fill_room(const struct layout_facts *facts, double limit, int64_t room, int64_t *parts)
{
    size_t count = facts->map->count;
    struct wish {
        double load;
        int64_t parts;
    } *wishes = must_calloc(count, sizeof(*wishes));

    for (size_t i = 0; i < count; i++) {
        const struct shard *shard = &facts->map->items[i];

        wishes[i] = (struct wish){load_of(facts, shard->start, shard->end), parts_of(facts, shard, limit)};
    }
    for (; room > 0; room--) {
        size_t fullest = 0;
        double most = 0;

        for (size_t i = 0; i < count; i++) {
            double load = wishes[i].load / (double)parts[i];

            if (load > most && parts[i] < wishes[i].parts) {
                fullest = i;
                most = load;
            }
        }
        if (most <= 0)
            break;
        parts[fullest]++;
    }
    free(wishes);
}

/* How many each shard becomes. */
static int64_t *share_out(const struct layout_facts *facts, double limit, int64_t fewest, int64_t most)
{
    int64_t *parts = must_calloc(facts->map->count, sizeof(*parts));
    double allowed;

    if (all_parts(facts, limit) < fewest)
        limit = limit_for(facts, BY_WIDTH * BY_WIDTH, limit, fewest, false);
    allowed = limit;
    if (all_parts(facts, limit) > most)
        allowed = limit_for(facts, limit, facts->demand + 2, most, true);
    for (size_t i = 0; i < facts->map->count; i++)
        parts[i] = parts_of(facts, &facts->map->items[i], allowed);
    fill_room(facts, limit, most - all_parts(facts, allowed), parts);
    return parts;
}

static void add_start(struct layout *layout, hashkey start)
{
    layout->starts = must_realloc(layout->starts, layout->count + 1, sizeof(*layout->starts));
    layout->starts[layout->count++] = start;
}

void layout_rise(const struct layout_facts *facts, double limit, int64_t fewest, int64_t most,
                 struct layout *ret_layout)
{
    int64_t *parts = share_out(facts, limit, fewest, most);
    struct layout layout = {0};

    for (size_t i = 0; i < facts->map->count; i++) {
        const struct shard *shard = &facts->map->items[i];
        hashkey start = shard->start, key;

        add_start(&layout, start);
        for (int64_t part = 1; part < parts[i]; part++) {
            if (!spread_key(facts->spread, shard->start, shard->end, (double)part / (double)parts[i], &key) ||
                key < start + KEYS_APART || key > shard->end - KEYS_APART)
                continue;
            add_start(&layout, key);
            start = key;
        }
    }
    free(parts);
    layout.operations = layout.count - facts->map->count;
    *ret_layout = layout;
}

/* ---- down */

struct place {
    hashkey key;
    double below; /* load */
    size_t open;  /* how many shards of the map begin before here, or here */
    bool is_open; /* one begins here */
    double cost;  /* of the cheapest way to begin a shard here */
    size_t from;  /* where the shard before it begins on that way */
};

struct row {
    struct place *places; /* the last one is the end of the key space */
    size_t count, capacity;
};

static void add_place(const struct layout_facts *facts, struct row *row, hashkey key, bool is_open)
{
    struct place *last = row->count == 0 ? NULL : &row->places[row->count - 1];
    struct place place = {.key = key, .is_open = is_open};

    if (last != NULL) {
        if (key < last->key + KEYS_APART && !is_open)
            return;
        if (key < last->key + KEYS_APART && !last->is_open)
            last = --row->count == 0 ? NULL : last - 1;
    }
    if (last != NULL) {
        place.below = last->below + load_of(facts, last->key, key - 1);
        place.open = last->open;
    }
    place.open += is_open;
    if (row->count == row->capacity) {
        row->capacity = row->capacity == 0 ? 256 : row->capacity * 2;
        row->places = must_realloc(row->places, row->capacity, sizeof(*row->places));
    }
    row->places[row->count++] = place;
}

/* The places in [start, end], which lies in one cell and in one shard; the first is there already. */
static void add_places_between(const struct layout_facts *facts, struct row *row, hashkey start, hashkey end,
                               double limit)
{
    int pieces = (int)fmin(ceil(load_of(facts, start, end) * GRAIN / limit), SHARD_PARTS_MAX);
    hashkey key;

    for (int piece = 1; piece < pieces; piece++) {
        if (hashkey_at_fraction(start, end, (double)piece / pieces, &key))
            add_place(facts, row, key, false);
    }
}

static void add_places(const struct layout_facts *facts, struct row *row, double limit)
{
    const struct spread *spread = facts->spread;
    size_t cell = 0, shard = 0;

    while (cell < spread->count || shard < facts->map->count) {
        hashkey of_cell = cell < spread->count ? spread->cells[cell].start : HASHKEY_MAX;
        hashkey of_shard = shard < facts->map->count ? facts->map->items[shard].start : HASHKEY_MAX;
        hashkey start = of_cell < of_shard ? of_cell : of_shard, end;

        if (of_shard == start || !facts->only_merges)
            add_place(facts, row, start, of_shard == start);
        shard += shard < facts->map->count && of_shard == start;
        cell += cell < spread->count && of_cell == start;
        end = cell < spread->count ? spread->cells[cell].start - 1 : HASHKEY_MAX;
        if (shard < facts->map->count && facts->map->items[shard].start - 1 < end)
            end = facts->map->items[shard].start - 1;
        if (!facts->only_merges && !spread_is_hot(spread, start, end))
            add_places_between(facts, row, start, end, limit);
    }
}

/*
 * From the left: a shard that ends at place j begins at the one before j, or at any other such that it carries no more
 * than the limit.  What it costs is the way to its beginning, the shard, and the operations: a merge for each
 * boundary within it, and a split if none is where it begins.  The cheapest beginnings are kept in a queue.
 */
static double find_way(struct row *row, double limit, double price)
{
    struct place *places = row->places;
    size_t *queue = must_calloc(row->count, sizeof(*queue));
    size_t head = 0, tail = 0;

    for (size_t j = 1; j < row->count; j++) {
        size_t i = j - 1, best;

        while (tail > head && places[queue[tail - 1]].cost - price * (double)places[queue[tail - 1]].open >
                                  places[i].cost - price * (double)places[i].open + SLACK)
            tail--;
        queue[tail++] = i;
        while (head + 1 < tail && places[j].below - places[queue[head]].below > limit * (1 + ROUNDING))
            head++;
        best = queue[head];
        places[j].from = best;
        places[j].cost = places[best].cost + 1 + price * (double)(places[i].open - places[best].open) +
                         (places[j].is_open || j + 1 == row->count ? 0 : price);
    }
    free(queue);
    return places[row->count - 1].cost;
}

static void take_way(const struct row *row, const struct layout_facts *facts, struct layout *ret_layout)
{
    struct layout layout = {0};
    size_t kept = 0;

    for (size_t at = row->count - 1; at > 0; at = row->places[at].from)
        layout.count++;
    layout.starts = must_calloc(layout.count, sizeof(*layout.starts));
    for (size_t at = row->places[row->count - 1].from, i = layout.count; i > 0; at = row->places[at].from) {
        layout.starts[--i] = row->places[at].key;
        kept += row->places[at].is_open;
    }
    layout.operations = facts->map->count + layout.count - 2 * kept;
    *ret_layout = layout;
}

/* All places, as fine as the limit wants them. */
static void lay_out(const struct layout_facts *facts, struct row *row, double limit)
{
    row->count = 0;
    add_places(facts, row, limit);
    add_place(facts, row, HASHKEY_MAX, false); /* the end: no shard begins there */
}

static size_t shards_on(const struct row *row)
{
    size_t count = 0;

    for (size_t at = row->count - 1; at > 0; at = row->places[at].from)
        count++;
    return count;
}

/* The least limit for which it costs no more. */
static double even_out(struct row *row, double limit, double price, double cost)
{
    double low = 0, high = limit;

    for (int i = 0; i < SEARCH_STEPS; i++) {
        double middle = (low + high) / 2;

        if (find_way(row, middle, price) <= cost + SLACK)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static size_t shards_with(const struct layout_facts *facts, struct row *row, double limit, double price)
{
    lay_out(facts, row, limit);
    (void)find_way(row, limit, price);
    return shards_on(row);
}

/* The highest limit, up to the one given, with which `fewest` shards or more are left, but for a little. */
static double limit_leaving(const struct layout_facts *facts, struct row *row, double limit, double price,
                            int64_t fewest)
{
    double low = limit, high = limit;

    while ((int64_t)shards_with(facts, row, low, price) < fewest) {
        high = low;
        low /= 2;
    }
    for (int i = 0; i < SEARCH_STEPS && low < high; i++) {
        double middle = (low + high) / 2;

        if ((int64_t)shards_with(facts, row, middle, price) < fewest)
            high = middle;
        else
            low = middle;
    }
    return low;
}

bool layout_give_back(const struct layout_facts *facts, double limit, double price, int64_t fewest,
                      struct layout *ret_layout)
{
    struct row row = {0};
    double cost;
    bool pays;

    if ((int64_t)facts->map->count <= fewest)
        return false;
    limit = limit_leaving(facts, &row, limit, price, fewest);
    lay_out(facts, &row, limit);
    cost = find_way(&row, limit, price);
    pays = cost < (double)facts->map->count - SLACK;
    if (pays) {
        (void)find_way(&row, even_out(&row, limit, price, cost), price);
        take_way(&row, facts, ret_layout);
    }
    free(row.places);
    return pays;
}
