/*
 * config_rules.c - what settings must be to each other.
 *
 * DESIGN, the dead band.  A scale-up ends when every shard is at most
 * target_utilization (T) full; a scale-down begins below scale_down_threshold
 * (D) and ends with no shard fuller than D; the alarms stand at
 * scale_up_threshold (U).  With D < T < U an unchanging load moves nothing
 * twice, however few the shards are:
 *
 *   - What a scale-up leaves raises no alarm: T < U.
 *   - A scale-up to m shards, the fewest with load / m <= T, means that
 *     load / (m - 1) > T > D: no smaller number is allowed to a scale-down.
 *   - Splitting whole generations doubles only while the shards are above T, so
 *     it leaves more than T / 2; merging pairs needs at most D / 2 < T / 2.
 *   - What a scale-down leaves (at most D) is below T: not even an alarm for
 *     another reason makes the planner split it again.
 *
 * Loads do change, from one minute to the next by some percent, so each of the
 * two gaps must be DEAD_BAND wide.
 */
#include "config_parts.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#define DEAD_BAND 0.05

enum { SHARD_METRIC_MS = 60 * 1000 };

/* One setting as it holds for a stream, and where it comes from. */
struct side {
    const struct setting *setting;
    double value;
    int line;   /* 0: nobody gave it */
    bool own;   /* by the section of the stream itself */
    bool wrong; /* given, but not a value */
};

/* Why two shares of capacity need their distance; numbers in the text. */
typedef void reason_fn(double low, double high, char *text, size_t size);

/* A change of load in percent, rounded down to a tenth. */
static void format_change(double change, char *text, size_t size)
{
    number_format_percent((double)(int)(change * 1000 + 1e-6) / 1000, text, size);
}

static void reason_alarm(double target, double threshold, char *text, size_t size)
{
    char high[32], low[32], more[32];

    number_format_percent(threshold, high, sizeof(high));
    number_format_percent(target, low, sizeof(low));
    format_change(threshold / target - 1, more, sizeof(more));
    if (target >= threshold)
        snprintf(text, size,
                 ", or an alarm has no end: a load of %g shards' worth alarms 10 shards (%s), but a scale-up "
                 "splits none of them (%s is at most %s)",
                 threshold * 10, high, high, low);
    else
        snprintf(text, size,
                 ", or the stream flaps: a scale-up may leave shards %s full, and %s more load alarms again",
                 low, more);
}

static void reason_merge(double threshold, double target, char *text, size_t size)
{
    double between = (threshold + target) / 2;
    char high[32], low[32], middle[32], less[32] = "any";

    number_format_percent(threshold, high, sizeof(high));
    number_format_percent(target, low, sizeof(low));
    number_format_percent(between, middle, sizeof(middle));
    if (threshold < target)
        format_change(1 - threshold / target, less, sizeof(less));
    if (threshold > target)
        snprintf(text, size,
                 ", or the stream flaps: a load of %g shards' worth is too much for 10 shards when scaling "
                 "up (%s is above %s), little enough to merge back to 10 when scaling down (%s is at most "
                 "%s)",
                 between * 10, middle, low, middle, high);
    else
        snprintf(text, size,
                 ", or the stream flaps: a scale-up may leave shards %s full, and %s less load lets a "
                 "scale-down begin",
                 low, less);
}

static void reason_throttled(double period, double cooldown, char *text, size_t size)
{
    (void)period;
    (void)cooldown;
    snprintf(text, size,
             ", or records throttled before an action are still in the period and alarm again after it");
}

/* low + distance <= high, for every stream. */
static const struct order {
    const char *low, *high;
    double distance;
    reason_fn *reason; /* NULL when it needs none */
} orders[] = {
    {"min_shards", "max_shards", 0, NULL},
    {"min_shards", "desired_shards", 0, NULL},
    {"desired_shards", "max_shards", 0, NULL},
    {"target_utilization", "scale_up_threshold", DEAD_BAND, reason_alarm},
    {"scale_down_threshold", "target_utilization", DEAD_BAND, reason_merge},
    {"alarm_period", "cooldown", 0, reason_throttled},
};

static double value_of(const struct setting *setting, const struct stream_config *stream)
{
    const char *member = (const char *)stream + setting->offset;
    double fraction;
    int64_t number;

    if (setting->type == TYPE_PERCENT) {
        memcpy(&fraction, member, sizeof(fraction));
        return fraction;
    }
    memcpy(&number, member, sizeof(number));
    return (double)number;
}

static void format_value(const struct setting *setting, double value, char *text, size_t size)
{
    if (setting->type == TYPE_PERCENT)
        number_format_percent(value, text, size);
    else if (setting->type == TYPE_COUNT)
        snprintf(text, size, "%.0f", value);
    else
        number_format_duration((int64_t)value, text, size);
}

static struct side side_of(const struct draft *draft, size_t stream, const struct setting *setting)
{
    size_t count;
    size_t index = (size_t)(setting - settings(&count));
    const struct given *own = &draft->streams[stream];
    const struct given *given = own->lines[index] != 0 ? own : &draft->defaults;

    return (struct side){setting, value_of(setting, &draft->config->streams[stream]), given->lines[index],
                         given == own, given->wrong[index]};
}

/* desired_shards follows min_shards when nobody gives it: then there is nothing to compare. */
static bool is_comparable(const struct side *side)
{
    return !side->wrong && (side->line != 0 || *side->setting->fallback != '\0');
}

/* "(4)", "(4 from line 12)", "(16 by default)". */
static void format_other(const struct side *blamed, const struct side *other, char *text, size_t size)
{
    char value[32];

    format_value(other->setting, other->value, value, sizeof(value));
    if (other->line == 0)
        snprintf(text, size, "(%s by default)", value);
    else if (other->own == blamed->own)
        snprintf(text, size, "(%s)", value);
    else
        snprintf(text, size, "(%s from line %d)", value, other->line);
}

static void complain_order(const struct order *order, const struct side *low, const struct side *high,
                           struct fault_log *faults)
{
    /* The line to blame is the section's own; of two the later one, which contradicts what was said. */
    bool blame_low = low->own != high->own ? low->own : low->line > high->line;
    const struct side *blamed = blame_low ? low : high;
    const struct side *other = blame_low ? high : low;
    char value[32], limit[64], distance[32] = "", reason[320] = "";

    format_value(blamed->setting, blamed->value, value, sizeof(value));
    format_other(blamed, other, limit, sizeof(limit));
    if (order->distance > 0)
        snprintf(distance, sizeof(distance), "%.0f points %s ", order->distance * 100,
                 blame_low ? "below" : "above");
    if (order->reason != NULL)
        order->reason(low->value, high->value, reason, sizeof(reason));
    fault_add(faults, blamed->line, "%s must be at %s %s%s %s, not %s%s", blamed->setting->name,
              blame_low && order->distance == 0 ? "most" : "least", distance, other->setting->name, limit,
              value, reason);
}

/* What is wrong with [defaults] alone is said once, not for every stream. */
static void check_order(const struct order *order, const struct draft *draft, struct fault_log *faults)
{
    const struct setting *low_setting = setting_find(order->low);
    const struct setting *high_setting = setting_find(order->high);
    bool defaults_blamed = false;

    for (size_t i = 0; i < draft->config->stream_count && !faults->full; i++) {
        struct side low = side_of(draft, i, low_setting);
        struct side high = side_of(draft, i, high_setting);
        bool inherited = !low.own && !high.own;

        if (!is_comparable(&low) || !is_comparable(&high))
            continue;
        if (low.value + order->distance <= high.value + 1e-9 || (inherited && defaults_blamed))
            continue;
        complain_order(order, &low, &high, faults);
        defaults_blamed = defaults_blamed || inherited;
    }
}

static bool cannot_split(const struct stream_config *stream)
{
    return stream->resharding == RESHARDING_UPDATE;
}

static bool is_below_a_minute(const struct stream_config *stream)
{
    return stream->alarm_period_ms < SHARD_METRIC_MS;
}

/* What alarms on single shards ask of other settings. */
static const struct shard_rule {
    const char *other;
    bool (*is_broken)(const struct stream_config *stream);
    const char *text;
} shard_rules[] = {
    {"resharding", cannot_split,
     "resharding must be split or auto where alarm_level is shard, not update-shard-count: that makes all "
     "shards "
     "even and cannot split the one that an alarm names"},
    {"alarm_period", is_below_a_minute,
     "alarm_period must be at least 60s where alarm_level is shard: Kinesis has metrics of shards once a "
     "minute"},
};

/* The later of both lines is to blame; one that [defaults] has for many streams is named once. */
static void check_shard_rule(const struct shard_rule *rule, const struct draft *draft,
                             struct fault_log *faults)
{
    int blamed = 0;

    for (size_t i = 0; i < draft->config->stream_count && !faults->full; i++) {
        struct side level = side_of(draft, i, setting_find("alarm_level"));
        struct side other = side_of(draft, i, setting_find(rule->other));
        int line = other.line > level.line ? other.line : level.line;

        if (draft->config->streams[i].alarm_level != ALARM_LEVEL_SHARD || other.wrong || line == blamed ||
            !rule->is_broken(&draft->config->streams[i]))
            continue;
        fault_add(faults, line, "%s", rule->text);
        blamed = line;
    }
}

static int64_t highest_floor(const struct stream_config *stream)
{
    int64_t highest = 0;

    for (size_t i = 0; i < stream->floors.count; i++) {
        if (stream->floors.windows[i].shards > highest)
            highest = stream->floors.windows[i].shards;
    }
    return highest;
}

/* The later of both lines is to blame; one that [defaults] has for many streams is named once. */
static void check_floors(const struct draft *draft, struct fault_log *faults)
{
    int blamed = 0;

    for (size_t i = 0; i < draft->config->stream_count && !faults->full; i++) {
        const struct stream_config *stream = &draft->config->streams[i];
        struct side floor = side_of(draft, i, setting_find("floor"));
        struct side most = side_of(draft, i, setting_find("max_shards"));
        int line = floor.line > most.line ? floor.line : most.line;

        if (floor.wrong || most.wrong || line == blamed || highest_floor(stream) <= stream->max_shards)
            continue;
        fault_add(faults, line, "floor must ask for at most max_shards (%lld), not %lld",
                  (long long)stream->max_shards, (long long)highest_floor(stream));
        blamed = line;
    }
}

static int service_line(const struct draft *draft, const char *name)
{
    size_t count;

    return draft->service.lines[setting_find(name) - settings(&count)];
}

static bool service_wrong(const struct draft *draft, const char *name)
{
    size_t count;

    return draft->service.wrong[setting_find(name) - settings(&count)];
}

static void check_required(const struct draft *draft, struct fault_log *faults)
{
    int line = draft->service.section_line;
    size_t count;
    const struct setting *all = settings(&count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].scope == SCOPE_SERVICE && all[i].fallback == NULL && draft->service.lines[i] == 0)
            fault_add(faults, line != 0 ? line : 1, "%s must be given in [service]%s", all[i].name,
                      line != 0 ? "" : ", and there is no such section");
    }
    if (draft->config->stream_count == 0)
        fault_add(faults, draft->last_line, "there must be at least one [stream NAME]");
}

static void check_tls(const struct draft *draft, struct fault_log *faults)
{
    int certificate = service_line(draft, "tls_certificate");
    int key = service_line(draft, "tls_key");

    if (certificate != 0 && key == 0)
        fault_add(faults, certificate, "tls_certificate must not be given without tls_key");
    if (key != 0 && certificate == 0)
        fault_add(faults, key, "tls_key must not be given without tls_certificate");
}

/* arn:PARTITION:sns:REGION:...; the text has been checked. */
static void topic_region(const char *arn, char *text, size_t size)
{
    const char *at = arn;

    for (int colons = 0; colons < 3; colons++)
        at = strchr(at, ':') + 1;
    snprintf(text, size, "%.*s", (int)strcspn(at, ":"), at);
}

/* CloudWatch delivers an alarm only to topics of its own region, which is that of the stream. */
static void check_topic_regions(const struct draft *draft, struct fault_log *faults)
{
    const struct service_config *service = &draft->config->service;
    bool given = service_line(draft, "region") != 0 && !service_wrong(draft, "region");
    char expected[ADDRESS_SIZE], region[ADDRESS_SIZE];

    if (service->topic_count == 0)
        return;
    if (given)
        text_copy(expected, sizeof(expected), service->region);
    else
        topic_region(service->topic_arns[0], expected, sizeof(expected));
    for (size_t i = 0; i < service->topic_count; i++) {
        topic_region(service->topic_arns[i], region, sizeof(region));
        if (strcmp(region, expected) != 0)
            fault_add(faults, service_line(draft, "topic_arn"),
                      "topic_arn must hold topics of %s (%s), not of %s: an alarm reaches only its own "
                      "region",
                      given ? "the region" : "one region", expected, region);
    }
}

static bool is_any_host(const char *address)
{
    return text_starts_with(address, "0.0.0.0:") || text_starts_with(address, "[::]:");
}

/* Port 0 is any free one. */
static void check_listeners(const struct draft *draft, struct fault_log *faults)
{
    const char *listen = draft->config->service.listen;
    const char *admin = draft->config->service.admin_listen;
    const char *port = strrchr(listen, ':');
    int listen_line = service_line(draft, "listen");
    int admin_line = service_line(draft, "admin_listen");

    if (service_wrong(draft, "listen") || service_wrong(draft, "admin_listen"))
        return;
    if (strcmp(port, strrchr(admin, ':')) != 0 || strcmp(port, ":0") == 0)
        return;
    if (strcmp(listen, admin) == 0 || is_any_host(listen) || is_any_host(admin))
        fault_add(faults, listen_line > admin_line ? listen_line : admin_line,
                  "listen (%s) and admin_listen (%s) must not be the same port", listen, admin);
}

/* What the admin routes tell is not for everybody. */
static void check_admin(const struct draft *draft, struct fault_log *faults)
{
    const struct service_config *service = &draft->config->service;

    if (service_line(draft, "admin_listen") == 0 || service_wrong(draft, "admin_listen") ||
        service_line(draft, "admin_token_file") != 0 || config_is_loopback(service->admin_listen))
        return;
    fault_add(
        faults, service_line(draft, "admin_listen"),
        "admin_listen (%s) must be localhost, 127.0.0.1 or [::1] unless admin_token_file is given: the admin "
        "routes would be open to everybody",
        service->admin_listen);
}

static void check_duplicates(const struct draft *draft, struct fault_log *faults)
{
    struct config *config = draft->config;
    const struct stream_config *first = NULL;

    config_index(config);
    for (size_t i = 0; i < config->stream_count; i++) {
        const struct stream_config *stream = config->by_name[i];

        if (first == NULL || strcmp(first->name, stream->name) != 0)
            first = stream;
        else if (*stream->name != '\0') /* "" stands for a name that was refused */
            fault_add(faults, stream->line, "stream '%s' was already given at line %d", stream->name,
                      first->line);
    }
}

void config_check_rules(const struct draft *draft, struct fault_log *faults)
{
    check_required(draft, faults);
    check_tls(draft, faults);
    check_topic_regions(draft, faults);
    check_listeners(draft, faults);
    check_admin(draft, faults);
    check_duplicates(draft, faults);
    check_floors(draft, faults);
    for (size_t i = 0; i < COUNT_OF(shard_rules); i++)
        check_shard_rule(&shard_rules[i], draft, faults);
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        check_order(&orders[i], draft, faults);
}
