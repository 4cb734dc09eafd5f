#include "adaptive_world.h"

#include "support.h"

struct world *adaptive_scene(const char *streams, int shards, const char *load)
{
    struct world *world = world_new(streams, NULL);

    world_scene(world, "orders", shards);
    world->reconcile_at_ms = world->clock.ms;
    world_traffic(world, "orders", load, 2048, "uniform");
    return world;
}

struct world *uneven_scene(int shards, const char *load, const char *keys)
{
    struct world *world =
        adaptive_scene("[stream orders]\nmax_shards = 64\nalarm_level = shard\n", shards, load);

    world_traffic(world, "orders", load, 2048, keys);
    return world;
}

void assert_fitting(struct world *world, int64_t shards)
{
    struct shard_map map = {0};

    ck_assert_int_eq(world_open_shards(world, "orders"), shards);
    world_assert_partition(world, "orders");
    world_shards(world, "orders", &map);
    ck_assert_double_eq(world_threshold(world, "orders IncomingBytes"),
                        0.8 * 60 * 1048576 * shard_map_effective(&map));
    shard_map_clear(&map);
}
