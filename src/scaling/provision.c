/*
 * provision.c - what is to be done with the stack of a stream, and with that of the service.
 *
 * DESIGN.  A stack is updated only for what its owner asked for: another topic, another period, an alarm or a template
 * that it lacks.  That the engine has changed shards and thresholds since is no reason.  When there is one, what is
 * there goes into the parameters, because CloudFormation compares them with what it was last given and carries out
 * every difference.  Nothing is ever taken out of a stack.
 */
#include "scaling/provision.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <stdarg.h>

/* Of a CommaDelimitedList: a parameter may have 4,096 bytes, and it stands once in each policy, which may have 6,144
 * characters ("IAM and AWS STS quotas"). */
enum { LIST_MAX = 4000 };

static const char *const deed_names[PROVISION_DEED_COUNT] = {
    [PROVISION_LEAVE] = "leave",   [PROVISION_CREATE] = "create", [PROVISION_CLEAR] = "clear",
    [PROVISION_UPDATE] = "update", [PROVISION_WAIT] = "wait",     [PROVISION_REFUSE] = "refuse",
};

const char *provision_deed_name(enum provision_deed deed)
{
    return deed_names[deed];
}

void provision_plan_clear(struct provision_plan *plan)
{
    stack_values_clear(&plan->parameters);
    *plan = (struct provision_plan){0};
}

static void decide(struct provision_plan *plan, enum provision_deed deed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void decide(struct provision_plan *plan, enum provision_deed deed, const char *format, ...)
{
    va_list arguments;

    plan->deed = deed;
    va_start(arguments, format);
    vsnprintf(plan->reason, sizeof(plan->reason), format, arguments);
    va_end(arguments);
}

/* "; "-separated. */
static void add_note(struct provision_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_note(struct provision_plan *plan, const char *format, ...)
{
    size_t length = strlen(plan->note);
    va_list arguments;

    if (length > 0 && length + 2 < sizeof(plan->note)) {
        memcpy(plan->note + length, "; ", 3);
        length += 2;
    }
    va_start(arguments, format);
    vsnprintf(plan->note + length, sizeof(plan->note) - length, format, arguments);
    va_end(arguments);
}

static bool is_true(const struct stack_facts *stack, const char *name)
{
    return text_equal(stack_values_get(&stack->parameters, name), "true");
}

static void set_flag(struct provision_plan *plan, const char *name, bool value)
{
    stack_values_set(&plan->parameters, name, "%s", value ? "true" : "false");
}

/* ---- both kinds */

/* Where the status of the stack decides.  True when it does. */
static bool decided_by_status(const char *name, const struct stack_facts *stack, struct provision_plan *plan)
{
    switch (stack_phase(stack->status)) {
    case STACK_MOVING:
        decide(plan, PROVISION_WAIT, "somebody is at work on stack '%s' (%s)", name, stack->status);
        return true;
    case STACK_ROLLED_BACK:
        decide(plan, PROVISION_CLEAR, "stack '%s' could not be made and was rolled back; it is deleted first",
               name);
        return true;
    case STACK_STUCK:
        decide(plan, PROVISION_REFUSE, "stack '%s' is in %s: %s", name, stack->status,
               stack_advice(stack->status));
        return true;
    case STACK_ABSENT:
    case STACK_AT_REST:
        break;
    }
    return false;
}

/* What the engine changes; that it did is no reason for an update. */
static bool is_live(const char *name)
{
    static const char *const live[] = {"ShardCount", "BytesThreshold", "RecordsThreshold"};

    for (size_t i = 0; i < COUNT_OF(live); i++) {
        if (strcmp(live[i], name) == 0)
            return true;
    }
    return false;
}

enum { SHOWN_MAX = 140, SHOWN_BEFORE = 20, SHOWN_ITEM = 60 };

/* Of two values that are too long to be shown: where what is shown of them begins, a little before they differ, and
 * with the whole item of a list. */
static size_t shown_from(const char *a, const char *b)
{
    size_t same = 0, item;

    if (strlen(a) <= SHOWN_MAX && strlen(b) <= SHOWN_MAX)
        return 0;
    while (a[same] != '\0' && a[same] == b[same])
        same++;
    item = same;
    while (item > 0 && a[item - 1] != ',')
        item--;
    if (same - item <= SHOWN_ITEM)
        return item;
    return same - SHOWN_BEFORE;
}

static void decide_update(struct provision_plan *plan, const char *name, const char *wanted,
                          const char *given)
{
    size_t from = shown_from(wanted, given);
    const char *cut = from > 0 ? "..." : "";

    decide(plan, PROVISION_UPDATE, "%s '%s%.*s%s', not '%s%.*s%s'", name, cut, SHOWN_MAX, wanted + from,
           strlen(wanted + from) > SHOWN_MAX ? "..." : "", cut, SHOWN_MAX, given + from,
           strlen(given + from) > SHOWN_MAX ? "..." : "");
}

/* Is there a reason to update?  It is named. */
static void compare(const struct stack_facts *stack, struct provision_plan *plan)
{
    plan->deed = PROVISION_LEAVE;
    for (size_t i = 0; i < plan->parameters.count; i++) {
        const struct stack_value *wanted = &plan->parameters.items[i];
        const char *given = stack_values_get(&stack->parameters, wanted->name);

        if (is_live(wanted->name) || text_equal(given, wanted->value))
            continue;
        if (plan->deed == PROVISION_LEAVE)
            decide_update(plan, wanted->name, wanted->value, given != NULL ? given : "");
    }
    if (plan->deed == PROVISION_LEAVE && !stack->template_same)
        decide(plan, PROVISION_UPDATE, "its template is another than this program's");
    /* What AWS shows of it then may be what was tried, and not what is. */
    plan->after_failure = strcmp(stack->status, "UPDATE_FAILED") == 0;
    if (plan->deed == PROVISION_LEAVE && plan->after_failure)
        decide(plan, PROVISION_UPDATE, "its last update failed");
    if (plan->deed == PROVISION_LEAVE && plan->incomplete)
        decide(plan, PROVISION_LEAVE, "an alarm of the stack is missing");
    else if (plan->deed == PROVISION_LEAVE)
        decide(plan, PROVISION_LEAVE, "as it should be");
}

/* ---- the stack of a stream */

static const struct {
    const char *flag;
    const char *threshold; /* NULL: it is always 0 */
} alarm_parameters[ALARM_METRIC_COUNT] = {
    [METRIC_BYTES] = {"BytesAlarm", "BytesThreshold"},
    [METRIC_RECORDS] = {"RecordsAlarm", "RecordsThreshold"},
    [METRIC_THROTTLED] = {"ThrottledAlarm", NULL},
};

/* CloudFormation does not look for what it made: for the stack the alarm is still there. */
static void miss_alarm(const struct stream_config *config, const struct stream_facts *facts,
                       enum alarm_metric metric, struct provision_plan *plan)
{
    const struct alarm_fact *alarm = &facts->alarms[metric];
    const char *topic_arn = stack_values_get(&facts->stack.parameters, "TopicArn");
    char name[ALARM_NAME_SIZE];

    /* The update to another topic, or the daemon on the shards, mends it. */
    if (alarm->own || !text_equal(topic_arn, facts->topic_arn) || config->alarm_level != ALARM_LEVEL_STREAM)
        return;
    provision_alarm_name(config->name, metric, name);
    if (alarm->other[0] != '\0') {
        add_note(plan, "alarm '%s' of the stack is gone; '%s' does its work", name, alarm->other);
        return;
    }
    add_note(plan, "alarm '%s' of the stack is gone, or no longer publishes to the topic", name);
    plan->incomplete = true;
}

/* Does the stack have, or get, this alarm? */
static bool wants_alarm(const struct stream_config *config, const struct stream_facts *facts,
                        enum alarm_metric metric, struct provision_plan *plan)
{
    const struct alarm_fact *alarm = &facts->alarms[metric];
    char name[ALARM_NAME_SIZE];

    provision_alarm_name(config->name, metric, name);
    if (is_true(&facts->stack, alarm_parameters[metric].flag)) {
        miss_alarm(config, facts, metric, plan);
        return true;
    }
    if (alarm->own || alarm->other[0] != '\0') {
        add_note(plan, "alarm '%s' is there already", alarm->own ? name : alarm->other);
        return false;
    }
    return config->alarm_level == ALARM_LEVEL_STREAM;
}

static size_t set_alarms(const struct stream_config *config, const struct stream_facts *facts,
                         struct provision_plan *plan)
{
    double capacity = facts->exists ? facts->capacity_shards : (double)config->desired_shards;
    int64_t period_s = config->alarm_period_ms / 1000;
    size_t count = 0;

    for (int metric = 0; metric < ALARM_METRIC_COUNT; metric++) {
        const struct alarm_fact *alarm = &facts->alarms[metric];
        double threshold = alarm_threshold(config, (enum alarm_metric)metric, period_s, capacity);
        char text[32];
        bool wanted = wants_alarm(config, facts, (enum alarm_metric)metric, plan);

        set_flag(plan, alarm_parameters[metric].flag, wanted);
        count += wanted;
        if (alarm_parameters[metric].threshold == NULL)
            continue;
        if (alarm->own && alarm->period_s == period_s)
            threshold = alarm->threshold;
        number_format_double(threshold, text, sizeof(text));
        stack_values_set(&plan->parameters, alarm_parameters[metric].threshold, "%s", text);
    }
    if (plan->incomplete)
        add_note(plan,
                 "to have it made again: aws cloudformation delete-stack --stack-name %s (a stream in it "
                 "stays, with its shards), and once it is deleted run this again",
                 facts->stack_name);
    return count;
}

static void set_stream(const struct stream_config *config, const struct stream_facts *facts, bool makes,
                       struct provision_plan *plan)
{
    const char *metrics = stack_values_get(&facts->stack.parameters, "ShardLevelMetrics");

    stack_values_set(&plan->parameters, "StreamName", "%s", config->name);
    set_flag(plan, "MakeStream", makes);
    stack_values_set(&plan->parameters, "ShardCount", "%lld",
                     (long long)(facts->exists ? facts->open_shards : config->desired_shards));
    /* Of a stream that exists the engine turns them on. */
    if (metrics != NULL)
        stack_values_set(&plan->parameters, "ShardLevelMetrics", "%s", metrics);
    else
        set_flag(plan, "ShardLevelMetrics", config->alarm_level == ALARM_LEVEL_SHARD);
    stack_values_set(&plan->parameters, "TopicArn", "%s", facts->topic_arn);
    stack_values_set(&plan->parameters, "AlarmPeriod", "%lld", (long long)(config->alarm_period_ms / 1000));
}

/* What stands in the way of any stack for the stream.  True when something does. */
static bool is_out_of_reach(const struct stream_config *config, const struct stream_facts *facts,
                            struct provision_plan *plan)
{
    const char *owner = stack_values_get(&facts->stack.parameters, "StreamName");
    bool rests = stack_phase(facts->stack.status) == STACK_AT_REST;

    if (facts->stack.status[0] != '\0' && !text_equal(owner, config->name))
        decide(plan, PROVISION_REFUSE, "stack '%s' is there and is not of this stream, but of '%s'",
               facts->stack_name, owner != NULL ? owner : "something else");
    else if (decided_by_status(facts->stack_name, &facts->stack, plan))
        return true;
    else if (facts->exists && facts->on_demand)
        decide(plan, PROVISION_LEAVE, "the stream is on-demand: AWS scales it");
    else if (facts->exists && !facts->active)
        decide(plan, PROVISION_WAIT, "the stream is being changed");
    else if (!facts->exists && rests && is_true(&facts->stack, "MakeStream"))
        decide(plan, PROVISION_REFUSE,
               "the stream was deleted, but stack '%s' still has it: delete the stack, then run this again",
               facts->stack_name);
    else
        return false;
    return true;
}

void plan_stream_stack(const struct stream_config *config, const struct stream_facts *facts,
                       struct provision_plan *ret_plan)
{
    struct provision_plan plan = {0};
    bool rests = stack_phase(facts->stack.status) == STACK_AT_REST;
    bool makes = !facts->exists || is_true(&facts->stack, "MakeStream");
    size_t alarms;

    if (!is_out_of_reach(config, facts, &plan)) {
        set_stream(config, facts, makes, &plan);
        alarms = set_alarms(config, facts, &plan);
        plan.changes_stream = rests && makes && facts->exists;
        if (rests)
            compare(&facts->stack, &plan);
        else if (makes && config->alarm_level == ALARM_LEVEL_SHARD)
            decide(&plan, PROVISION_CREATE, "a stream of %lld shard%s, whose alarms the daemon makes",
                   (long long)config->desired_shards, text_plural(config->desired_shards));
        else if (makes)
            decide(&plan, PROVISION_CREATE, "a stream of %lld shard%s with %zu alarm%s",
                   (long long)config->desired_shards, text_plural(config->desired_shards), alarms,
                   text_plural((int64_t)alarms));
        else if (alarms > 0)
            decide(&plan, PROVISION_CREATE, "%zu alarm%s for the stream of %lld shard%s that is there",
                   alarms, text_plural((int64_t)alarms), (long long)facts->open_shards,
                   text_plural(facts->open_shards));
        else if (config->alarm_level == ALARM_LEVEL_SHARD)
            decide(&plan, PROVISION_LEAVE, "the stream is there; the daemon makes the alarms of its shards");
        else
            decide(&plan, PROVISION_LEAVE, "the stream and its alarms are there");
    }
    *ret_plan = plan;
}

/* ---- the stack of the service */

/* Adds `item` to a comma-delimited list unless it is in there. */
static void list_add(char **list, const char *item)
{
    size_t length = strlen(item);
    char *longer;

    for (const char *at = *list; (at = strstr(at, item)) != NULL; at += length) {
        if ((at == *list || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return;
    }
    longer = must_printf("%s%s%s", *list, **list != '\0' ? "," : "", item);
    free(*list);
    *list = longer;
}

static void set_streams(const struct config *config, const struct service_facts *facts,
                        struct provision_plan *plan)
{
    SCOPED(free_text)
    char *prefix =
        must_printf("arn:%s:kinesis:%s:%s:stream/", facts->partition, facts->region, facts->account);
    SCOPED(free_text) char *list = must_strdup("");

    for (size_t i = 0; i < config->stream_count && strlen(list) <= LIST_MAX; i++) {
        SCOPED(free_text) char *arn = must_printf("%s%s", prefix, config->streams[i].name);

        if (config->streams[i].pattern[0] == '\0')
            list_add(&list, arn);
    }
    /* A '*' means the same to IAM: streams that are still to come are allowed too. */
    for (size_t i = 0; i < config->pattern_count && strlen(list) <= LIST_MAX; i++) {
        SCOPED(free_text) char *arn = must_printf("%s%s", prefix, config->patterns[i].name);

        list_add(&list, arn);
    }
    if (strlen(list) > LIST_MAX || *list == '\0')
        stack_values_set(&plan->parameters, "StreamArns", "%s*", prefix);
    else
        stack_values_set(&plan->parameters, "StreamArns", "%s", list);
}

/* Those the templates make, those that were made by hand, and what somebody added to the stack. */
static void set_alarm_arns(const struct service_facts *facts, struct provision_plan *plan)
{
    const char *given = stack_values_get(&facts->stack.parameters, "AlarmArns");
    SCOPED(free_text)
    char *prefix =
        must_printf("arn:%s:cloudwatch:%s:%s:alarm:", facts->partition, facts->region, facts->account);
    SCOPED(free_text) char *made = must_printf("%skinescale-*", prefix);
    SCOPED(free_text) char *list = must_strdup(given != NULL ? given : "");

    list_add(&list, made);
    for (size_t i = 0; i < facts->other_alarm_count && strlen(list) <= LIST_MAX; i++) {
        SCOPED(free_text) char *arn = must_printf("%s%s", prefix, facts->other_alarms[i]);

        if (strchr(facts->other_alarms[i], ',') == NULL &&
            !text_starts_with(facts->other_alarms[i], "kinescale-"))
            list_add(&list, arn);
        else if (strchr(facts->other_alarms[i], ',') != NULL)
            add_note(plan, "the policy cannot name alarm '%s': it has a comma in it", facts->other_alarms[i]);
    }
    if (strlen(list) > LIST_MAX)
        stack_values_set(&plan->parameters, "AlarmArns", "%s*", prefix);
    else
        stack_values_set(&plan->parameters, "AlarmArns", "%s", list);
}

static void set_endpoint(const struct config *config, const struct service_facts *facts,
                         struct provision_plan *plan)
{
    const char *url = config->service.public_url;
    const char *given = stack_values_get(&facts->stack.parameters, "Endpoint");
    bool ours = given != NULL && given[0] != '\0';

    if (url[0] == '\0') {
        url = ours ? given : "";
        add_note(plan,
                 ours ? "public_url is not set: '%s' stays subscribed"
                      : "public_url is not set: nothing is subscribed%s",
                 ours ? given : "");
    } else if (!ours && facts->subscribed) {
        add_note(plan, "'%s' is subscribed already", url);
        url = "";
    } else if (ours && strcmp(url, given) == 0 && !facts->subscribed) {
        add_note(plan,
                 "the subscription of '%s' is gone: SNS drops what is not confirmed within days; "
                 "once the daemon runs, make it again (aws sns subscribe)",
                 url);
    }
    if (config->service.public_url[0] != '\0' && facts->pending)
        add_note(plan, "the subscription is not confirmed: SNS asks when it is made; "
                       "once the daemon runs, have it ask again (aws sns subscribe)");
    stack_values_set(&plan->parameters, "Endpoint", "%s", url);
    stack_values_set(&plan->parameters, "Protocol", "%s",
                     text_starts_with(url, "http://") ? "http" : "https");
}

/* What stands in the way of the stack.  True when something does. */
static bool is_service_out_of_reach(const struct service_facts *facts, struct provision_plan *plan)
{
    const char *owner = stack_values_get(&facts->stack.parameters, "TopicName");
    bool rests = stack_phase(facts->stack.status) == STACK_AT_REST;

    if (facts->stack.status[0] != '\0' && !text_equal(owner, facts->topic))
        decide(plan, PROVISION_REFUSE, "stack '%s' is there and is not of this topic, but of '%s'",
               facts->stack_name, owner != NULL ? owner : "something else");
    else if (decided_by_status(facts->stack_name, &facts->stack, plan))
        return true;
    else if (rests && !facts->topic_exists && is_true(&facts->stack, "MakeTopic"))
        decide(plan, PROVISION_REFUSE,
               "topic '%s' was deleted, but stack '%s' still has it: delete the stack, then run this again",
               facts->topic, facts->stack_name);
    else
        return false;
    return true;
}

void plan_service_stack(const struct config *config, const struct service_facts *facts,
                        struct provision_plan *ret_plan)
{
    bool makes = !facts->topic_exists || is_true(&facts->stack, "MakeTopic");
    struct provision_plan plan = {0};

    if (!is_service_out_of_reach(facts, &plan)) {
        stack_values_set(&plan.parameters, "TopicName", "%s", facts->topic);
        set_flag(&plan, "MakeTopic", makes);
        set_endpoint(config, facts, &plan);
        set_streams(config, facts, &plan);
        set_alarm_arns(facts, &plan);
        if (stack_phase(facts->stack.status) == STACK_AT_REST)
            compare(&facts->stack, &plan);
        else if (makes)
            decide(&plan, PROVISION_CREATE, "topic '%s', a dead-letter queue and rights", facts->topic);
        else
            decide(&plan, PROVISION_CREATE, "a dead-letter queue and rights for topic '%s', which is there",
                   facts->topic);
    }
    *ret_plan = plan;
}
