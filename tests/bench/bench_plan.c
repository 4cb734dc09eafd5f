/* How long thinking takes, on the largest streams there can be. */
#include "bench.h"

#include "base/memory.h"
#include "scaling/limits.h"
#include "scaling/plan_up.h"
#include "scaling/steps.h"

struct scene {
    struct stream_config config;
    struct shard_map shards;
    struct shard_load *loads;
    struct up_facts facts;
};

static struct demand filling(double shards)
{
    return (struct demand){.known = true,
                           .bytes_per_s = shards * SHARD_BYTES_PER_S,
                           .accepted_bytes_per_s = shards * SHARD_BYTES_PER_S,
                           .records_per_s = shards,
                           .accepted_records_per_s = shards,
                           .points = 6};
}

/* Even shards, 90 % full; with `by_shard` each has its own figures. */
static void begin(struct scene *scene, unsigned count, bool by_shard)
{
    hashkey width = ~(hashkey)0 / count;
    struct error err = {0};

    *scene = (struct scene){.config = {.min_shards = 1,
                                       .max_shards = SHARDS_PER_STREAM_MAX,
                                       .scale_up_threshold = 0.8,
                                       .target_utilization = 0.6,
                                       .resharding = RESHARDING_SPLIT}};
    for (unsigned i = 0; i < count; i++) {
        struct shard shard = {.start = i * width, .end = i + 1 == count ? ~(hashkey)0 : (i + 1) * width - 1};

        snprintf(shard.id, sizeof(shard.id), "shardId-%012u", i);
        if (shard_map_add(&scene->shards, &shard, &err) < 0)
            abort();
    }
    scene->loads = must_calloc(count, sizeof(*scene->loads));
    for (unsigned i = 0; i < count; i++)
        scene->loads[i].demand = filling(0.9);
    scene->facts = (struct up_facts){.config = &scene->config,
                                     .shards = &scene->shards,
                                     .shard_loads = by_shard ? scene->loads : NULL,
                                     .demand = filling(0.9 * count),
                                     .alarmed = true,
                                     .account_headroom = -1};
}

static void end(struct scene *scene)
{
    shard_map_clear(&scene->shards);
    free(scene->loads);
}

static void plan(void *context)
{
    struct scene *scene = context;
    struct up_plan plan;

    plan_up(&scene->facts, &plan);
    if (plan.verdict != UP_RESHARD || plan.to_shards != 2 * plan.from_shards)
        abort();
    up_plan_clear(&plan);
}

static void check(void *context)
{
    const struct scene *scene = context;
    struct error err = {0};

    if (shard_map_check(&scene->shards, &err) < 0)
        abort();
}

static void one_more(void *context)
{
    const struct scene *scene = context;
    struct step_list steps = {0};
    struct error err = {0};

    if (steps_to_even(&scene->shards, (int64_t)scene->shards.count + 1, &steps, &err) < 0)
        abort();
    step_list_clear(&steps);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*once)(void *context);
        unsigned shards;
        bool by_shard;
    } rows[] = {
        {"plan_up, 100 shards to 200", plan, 100, false},
        {"plan_up, 5,000 shards to 10,000", plan, 5000, false},
        {"plan_up, the same with shard-level metrics", plan, 5000, true},
        {"shard_map_check, 10,000 shards", check, 10000, false},
        {"steps_to_even, 9,999 shards to 10,000", one_more, 9999, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;

        begin(&scene, rows[i].shards, rows[i].by_shard);
        bench(rows[i].name, rows[i].once, &scene, 0);
        end(&scene);
    }
    return 0;
}
