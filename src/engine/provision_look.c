/*
 * provision_look.c - what there is of a stream and of the service, for their plans.
 */
#include "provisioning.h"
#include "turn.h"

#include "aws/sns.h"
#include "aws/sts.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- stacks */

static bool is_same_text(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);

    while (a_length > 0 && a[a_length - 1] == '\n')
        a_length--;
    while (b_length > 0 && b[b_length - 1] == '\n')
        b_length--;
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

static void stack_facts_clear(struct stack_facts *facts)
{
    stack_values_clear(&facts->parameters);
}

static int look_stack(struct provision *provision, const char *name, const char *template,
                      struct stack_facts *facts, struct error *err)
{
    SCOPED(stack_clear) struct stack stack = {0};
    SCOPED(free_text) char *body = NULL;

    if (cloudformation_describe_stack(provision->options.aws, name, &stack, err) < 0)
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    if (stack_phase(stack.status) == STACK_AT_REST &&
        cloudformation_get_template(provision->options.aws, name, &body, err) < 0)
        return -1;
    (void)text_copy(facts->status, sizeof(facts->status), stack.status);
    facts->template_same = body != NULL && is_same_text(body, template);
    facts->parameters = stack.parameters;
    stack.parameters = (struct stack_values){0};
    return 0;
}

/* ---- alarms */

/* All alarms that publish to a topic of ours; asked again when something may have changed since. */
static int look_alarms(struct provision *provision, bool again, struct error *err)
{
    const struct service_config *service = &provision->options.config->service;
    struct alarm_list *all = &provision->alarms;

    if (provision->alarms_known && !again)
        return 0;
    alarm_list_clear(all);
    for (size_t i = 0; i < service->topic_count; i++) {
        struct alarm_list found = {0};

        if (cloudwatch_alarms_by_action(provision->options.aws, service->topic_arns[i], &found, err) < 0)
            return -1;
        all->items = must_realloc(all->items, all->count + found.count + 1, sizeof(*all->items));
        for (size_t k = 0; k < found.count; k++)
            all->items[all->count++] = found.items[k];
        found.count = 0; /* they have moved */
        alarm_list_clear(&found);
    }
    provision->alarms_known = true;
    return 0;
}

/* One that does what the template's would do: another statistic is another alarm. */
static bool is_same_kind(const struct alarm *alarm, const char *stream)
{
    enum alarm_metric metric;

    if (alarm_is_ours_to_move(alarm, stream, &metric))
        return true;
    return !alarm->composite && !alarm->math && alarm->shard[0] == '\0' &&
           strcmp(alarm->stream, stream) == 0 && alarm_asks_for_shards(alarm) &&
           alarm_metric_parse(alarm->metric, &metric) && metric == METRIC_THROTTLED;
}

static void note_alarm(const struct alarm *alarm, struct stream_facts *facts, const char *stream)
{
    enum alarm_metric metric;
    char name[ALARM_NAME_SIZE];
    struct alarm_fact *fact;

    if (!alarm_metric_parse(alarm->metric, &metric))
        return;
    fact = &facts->alarms[metric];
    provision_alarm_name(stream, metric, name);
    if (strcmp(alarm->name, name) == 0) {
        fact->own = true;
        fact->period_s = alarm->period_s;
        fact->threshold = alarm->threshold;
    } else if (fact->other[0] == '\0') {
        (void)text_copy(fact->other, sizeof(fact->other), alarm->name);
    }
}

/* ---- a stream */

static int look_stream(struct provision *provision, const struct stream_config *config,
                       struct stream_facts *facts, struct error *err)
{
    SCOPED(shard_map_clear) struct shard_map shards = {0};
    struct stream_summary summary;

    if (kinesis_describe_summary(provision->options.aws, config->name, &summary, err) < 0)
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    facts->exists = true;
    facts->active = summary.status == STREAM_ACTIVE;
    facts->on_demand = summary.on_demand;
    if (!facts->active || facts->on_demand)
        return 0;
    if (kinesis_list_shards(provision->options.aws, config->name, &shards, err) < 0)
        return -1;
    if (shard_map_check(&shards, err) < 0) {
        err->kind = ERROR_TRANSIENT; /* AWS shows a gap for a moment while shards change */
        return -1;
    }
    facts->open_shards = (int64_t)shards.count;
    facts->capacity_shards = alarm_capacity(config, &shards);
    return 0;
}

static int plan_stream(struct provision *provision, struct way *way, struct provision_plan *ret_plan,
                       struct error *err)
{
    struct stream_facts facts = {.topic_arn = provision->topic_arn, .stack_name = way->row.stack};
    int result = -1;

    if (look_stack(provision, way->row.stack, provision_stream_template(), &facts.stack, err) == 0 &&
        look_stream(provision, way->config, &facts, err) == 0 &&
        look_alarms(provision, way->looks > 1, err) == 0) {
        for (size_t i = 0; i < provision->alarms.count; i++) {
            const struct alarm *alarm = &provision->alarms.items[i];

            if (is_same_kind(alarm, way->config->name))
                note_alarm(alarm, &facts, way->config->name);
        }
        plan_stream_stack(way->config, &facts, ret_plan);
        result = 0;
    }
    stack_facts_clear(&facts.stack);
    return result;
}

/* ---- the service */

/* The topic must be where the keys are; in another account it is another's to make. */
static int look_topic(struct provision *provision, const struct arn *arn, struct service_facts *facts,
                      bool *ret_foreign, struct error *err)
{
    const char *region = aws_client_region(provision->options.aws);
    const char *url = provision->options.config->service.public_url;
    char account[ACCOUNT_SIZE];
    enum subscription_state state = SUBSCRIPTION_NONE;

    if (strcmp(arn->region, region) != 0)
        return error_set(
            err, ERROR_CONFIG,
            "the first topic of topic_arn is in %s, the streams are in %s: an alarm can only publish "
            "to a topic of its own region",
            arn->region, region);
    if (sts_caller_account(provision->options.aws, account, err) < 0)
        return -1;
    *ret_foreign = strcmp(account, arn->account) != 0;
    if (*ret_foreign)
        return 0;
    if (sns_topic_exists(provision->options.aws, provision->topic_arn, &facts->topic_exists, err) < 0)
        return -1;
    if (facts->topic_exists && url[0] != '\0' &&
        sns_subscription(provision->options.aws, provision->topic_arn, url, &state, err) < 0)
        return -1;
    facts->subscribed = state != SUBSCRIPTION_NONE;
    facts->pending = state == SUBSCRIPTION_PENDING;
    return 0;
}

static int plan_service(struct provision *provision, struct way *way, struct provision_plan *ret_plan,
                        struct error *err)
{
    const struct config *config = provision->options.config;
    struct service_facts facts = {.stack_name = way->row.stack};
    const char **names;
    struct arn arn;
    bool foreign = false;
    int result = -1;

    if (arn_parse(provision->topic_arn, &arn, err) < 0 ||
        look_topic(provision, &arn, &facts, &foreign, err) < 0)
        return -1;
    provision->topic_there = foreign || facts.topic_exists;
    if (foreign) {
        *ret_plan = (struct provision_plan){.deed = PROVISION_LEAVE};
        snprintf(
            ret_plan->reason, sizeof(ret_plan->reason),
            "the topic is of account %s, whose keys these are not: topic, queue and rights are left to it",
            arn.account);
        return 0;
    }
    facts.partition = arn.partition;
    facts.region = arn.region;
    facts.account = arn.account;
    facts.topic = arn.resource;
    if (look_stack(provision, way->row.stack, provision_service_template(), &facts.stack, err) == 0 &&
        look_alarms(provision, way->looks > 1, err) == 0) {
        names = must_calloc(provision->alarms.count + 1, sizeof(*names));
        for (size_t i = 0; i < provision->alarms.count; i++)
            names[facts.other_alarm_count++] = provision->alarms.items[i].name;
        facts.other_alarms = names;
        plan_service_stack(config, &facts, ret_plan);
        free(names);
        result = 0;
    }
    stack_facts_clear(&facts.stack);
    return result;
}

int provision_plan_row(struct provision *provision, struct way *way, struct provision_plan *ret_plan,
                       struct error *err)
{
    way->looks++;
    if (way->config == NULL)
        return plan_service(provision, way, ret_plan, err);
    return plan_stream(provision, way, ret_plan, err);
}
