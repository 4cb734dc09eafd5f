#include "world.h"

#include "base/text.h"
#include "support.h"

struct stream_state world_state(struct world *world)
{
    struct stream_state state;
    struct error err = {0};

    ck_assert_int_eq(store_stream_load(world->store, "orders", &state, &err), 0);
    return state;
}

struct sim_totals world_totals(struct world *world)
{
    struct sim_totals totals;
    struct error err = {0};

    ck_assert_int_eq(sim_stream_totals(world->sim, "orders", &totals, &err), 0);
    return totals;
}

bool world_was_decided(struct world *world, const char *verdict, const char *why)
{
    struct decision_list list = {0};
    struct error err = {0};
    bool found = false;

    ck_assert_int_eq(store_decisions_recent(world->store, "orders", 1000, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        found |= text_equal(list.items[i].verdict, verdict) && strstr(list.items[i].reason, why) != NULL;
    decision_list_clear(&list);
    return found;
}

size_t world_reshards(const struct world *world)
{
    return world_count_calls(world, "SplitShard") + world_count_calls(world, "MergeShards") +
           world_count_calls(world, "UpdateShardCount");
}
