/*
 * alarms.c - CloudWatch alarms: taking them, showing them, changing their state.
 *
 * Putting an alarm overwrites all of it but its state.  Actions are carried out when the state changes and at
 * no other time: whoever wants to be told again must bring the alarm into another state first.
 */
#include "alarms.h"
#include "expression.h"
#include "policy.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

enum {
    HTTP_REFUSED = 400,
    ACTIONS_MAX = 5,
    ALARM_QUERIES_MAX = 10,
    RECORDS_PER_PAGE = 100,
    SUBJECT_MAX = 100,
    CHANGE_DEPTH_MAX = 16, /* composite alarms that watch each other in a ring stop here */
};

const char *model_value_name(enum alarm_value value)
{
    static const char *const names[] = {"OK", "ALARM", "INSUFFICIENT_DATA"};

    return names[value];
}

void model_alarm_arn(const struct sim *sim, const struct alarm *alarm, char *arn, size_t size)
{
    snprintf(arn, size, "arn:aws:cloudwatch:%s:%s:alarm:%s", sim->region, sim->account, alarm->settings.name);
}

static void clear_texts(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void model_alarm_settings_clear(struct alarm_settings *settings)
{
    char *const texts[] = {settings->name,
                           settings->description,
                           settings->statistic,
                           settings->extended_statistic,
                           settings->unit,
                           settings->comparison,
                           settings->treat_missing,
                           settings->low_sample_percentile,
                           settings->threshold_metric_id,
                           settings->rule,
                           settings->opaque};

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < COUNT_OF(settings->actions); i++)
        clear_texts(&settings->actions[i]);
    model_metric_name_clear(&settings->metric);
    model_data_queries_clear(settings->queries, settings->query_count);
    *settings = (struct alarm_settings){0};
}

void model_alarm_free(struct alarm *alarm)
{
    model_alarm_settings_clear(&alarm->settings);
    free(alarm->reason);
    free(alarm->reason_data);
    free(alarm);
}

/* Where an alarm of this name is, or belongs. */
static size_t position_of(const struct sim *sim, const char *name)
{
    size_t low = 0, high = sim->alarm_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(sim->alarms[middle]->settings.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct alarm *model_find_alarm(const struct sim *sim, const char *name)
{
    size_t at = position_of(sim, name);

    return at < sim->alarm_count && text_equal(sim->alarms[at]->settings.name, name) ? sim->alarms[at] : NULL;
}

/* ---- what makes sense */

static int invalid(struct fault *fault, const char *text)
{
    return model_fault(fault, "ValidationException", HTTP_REFUSED, "%s", text);
}

static int check_queries(const struct sim *sim, const struct alarm_settings *settings, struct fault *fault)
{
    const struct grid nothing = {.period_ms = 60000};
    int returned = 0;
    struct error err;

    if (settings->query_count > ALARM_QUERIES_MAX)
        return invalid(fault, "The parameter Metrics must have at most 10 members.");
    for (size_t i = 0; i < settings->query_count; i++) {
        const struct data_query *query = &settings->queries[i];

        returned += query->return_data != 0;
        if (query->expression == NULL && (query->metric.name == NULL || query->stat == NULL))
            return invalid(fault, "Each member of Metrics must have either MetricStat or Expression.");
        if (query->period_s > 0 && query->period_s % 60 != 0 && query->period_s != 10 &&
            query->period_s != 20 && query->period_s != 30)
            return invalid(fault, "Metrics Period must be 10, 20, 30 or a multiple of 60.");
        if (settings->threshold_metric_id == NULL &&
            model_math(sim, settings->queries, settings->query_count, i, &nothing, NULL, &err) < 0)
            return invalid(fault, err.message);
    }
    if (returned != 1 && settings->threshold_metric_id == NULL)
        return invalid(fault, "Exactly one element of the metrics list should return data.");
    return 0;
}

static int check_periods(const struct alarm_settings *settings, int64_t period_s, struct fault *fault)
{
    int64_t span_s;

    if (period_s != 10 && period_s != 20 && period_s != 30 && (period_s <= 0 || period_s % 60 != 0))
        return invalid(fault, "Period must be 10, 20, 30 or a multiple of 60.");
    if (settings->evaluation_periods < 1)
        return invalid(fault, "The parameter EvaluationPeriods must be at least 1.");
    if (settings->datapoints_to_alarm > settings->evaluation_periods)
        return invalid(fault,
                       "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
    if (__builtin_mul_overflow(settings->evaluation_periods, period_s, &span_s) ||
        span_s > (period_s < 3600 ? 86400 : 604800))
        return invalid(fault, period_s < 3600
                                  ? "Metrics cannot be checked across more than a day (EvaluationPeriods * "
                                    "Period must be <= 86400)."
                                  : "Metrics cannot be checked across more than seven days "
                                    "(EvaluationPeriods * Period must be <= 604800).");
    return 0;
}

static int check_metric_alarm(const struct sim *sim, const struct alarm_settings *settings,
                              struct fault *fault)
{
    static const char *const treatments[] = {"breaching", "notBreaching", "ignore", "missing"};
    bool single = settings->metric.name != NULL, known = settings->treat_missing == NULL;
    int64_t period_s = single ? settings->period_s : 60;

    if (single == (settings->query_count > 0))
        return invalid(fault, "The request must contain either MetricName or Metrics, and not both.");
    for (size_t i = 0; i < COUNT_OF(treatments); i++)
        known = known || text_equal(settings->treat_missing, treatments[i]);
    if (!known)
        return invalid(
            fault, "The value for parameter TreatMissingData must be one of breaching, notBreaching, ignore, "
                   "missing.");
    if (single && (settings->statistic == NULL) == (settings->extended_statistic == NULL))
        return invalid(fault, "Exactly one of the parameters Statistic and ExtendedStatistic must be given.");
    if (isnan(settings->threshold) && settings->threshold_metric_id == NULL)
        return invalid(fault, "The parameter Threshold must be given.");
    if (!single && check_queries(sim, settings, fault) < 0)
        return -1;
    for (size_t i = 0; i < settings->query_count; i++) {
        if (settings->queries[i].period_s > period_s)
            period_s = settings->queries[i].period_s;
    }
    return check_periods(settings, period_s, fault);
}

static int check_settings(const struct sim *sim, const struct alarm_settings *settings, struct fault *fault)
{
    struct error err;

    for (size_t i = 0; i < COUNT_OF(settings->actions); i++) {
        if (settings->actions[i].count > ACTIONS_MAX)
            return invalid(fault, "The number of actions for a state must be at most 5.");
    }
    if (!settings->composite)
        return check_metric_alarm(sim, settings, fault);
    if (settings->rule == NULL || model_check_rule(settings->rule, &err) < 0)
        return invalid(fault,
                       settings->rule == NULL ? "The parameter AlarmRule must be given." : err.message);
    return 0;
}

int model_put_alarm(struct sim *sim, struct alarm_settings *settings, struct fault *fault)
{
    struct alarm *alarm = model_find_alarm(sim, settings->name);
    size_t at = position_of(sim, settings->name);

    if (check_settings(sim, settings, fault) < 0)
        return -1;
    if (alarm != NULL && alarm->settings.composite != settings->composite)
        return invalid(fault, "An alarm of this name and another type exists already.");
    if (alarm == NULL) {
        alarm = must_calloc(1, sizeof(*alarm));
        alarm->value = VALUE_INSUFFICIENT_DATA;
        alarm->reason = must_strdup("Unchecked: Initial alarm creation");
        alarm->updated_ms = alarm->transitioned_ms = sim->now_ms;
        sim->alarms = must_realloc(sim->alarms, sim->alarm_count + 1, sizeof(struct alarm *));
        memmove(&sim->alarms[at + 1], &sim->alarms[at], (sim->alarm_count - at) * sizeof(struct alarm *));
        sim->alarms[at] = alarm;
        sim->alarm_count++;
    }
    model_alarm_settings_clear(&alarm->settings);
    alarm->settings = *settings;
    *settings = (struct alarm_settings){0};
    alarm->configured_ms = sim->now_ms;
    if (alarm->settings.composite)
        model_evaluate_composite(sim, alarm, NULL);
    return 0;
}

/* ---- state */

/* `ALARM: "name" in US East (Ohio)`, a hundred bytes at most and never half a character. */
static void format_subject(const struct sim *sim, const struct alarm *alarm, char subject[SUBJECT_MAX + 1])
{
    SCOPED(free_text)
    char *whole = must_printf("%s: \"%s\" in %s", model_value_name(alarm->value), alarm->settings.name,
                              model_region_name(sim->region));
    size_t length = strnlen(whole, SUBJECT_MAX);

    while (length > 0 && ((unsigned char)whole[length] & 0xC0) == 0x80)
        length--;
    whole[length] = '\0';
    text_copy(subject, SUBJECT_MAX + 1, whole);
}

static bool may_publish(struct sim *sim, const struct alarm *alarm, const char *topic_arn)
{
    char arn[MODEL_ARN_SIZE];
    const struct policy_question question = {.service = "cloudwatch.amazonaws.com",
                                             .action = "sns:Publish",
                                             .resource = topic_arn,
                                             .source_arn = arn,
                                             .source_account = sim->account};
    struct topic *topic;
    struct fault fault;

    model_alarm_arn(sim, alarm, arn, sizeof(arn));
    return model_find_topic(sim, topic_arn, &topic, &fault) == 0 &&
           (topic->policy == NULL || policy_allows(topic->policy, &question));
}

static void act(struct sim *sim, const struct alarm *alarm, enum alarm_value old_value,
                const struct alarm *child)
{
    const struct text_list *actions = &alarm->settings.actions[alarm->value];
    SCOPED(free_text) char *message = NULL;
    char subject[SUBJECT_MAX + 1], message_id[37];
    struct fault fault;

    if (!alarm->settings.actions_enabled || actions->count == 0)
        return;
    message = model_alarm_message(sim, alarm, old_value, child);
    format_subject(sim, alarm, subject);
    for (size_t i = 0; i < actions->count; i++) {
        /* Other kinds of action are kept and not carried out; a topic that is gone, or lets no alarm publish, is the
         * owner's affair. */
        if (text_starts_with(actions->items[i], "arn:aws:sns:") && may_publish(sim, alarm, actions->items[i]))
            (void)model_publish(sim, actions->items[i], subject, message, message_id, &fault);
    }
}

void model_change_alarm(struct sim *sim, struct alarm *alarm, enum alarm_value value, char *reason,
                        char *reason_data, const struct alarm *child)
{
    enum alarm_value old_value = alarm->value;

    free(alarm->reason);
    free(alarm->reason_data);
    alarm->reason = reason;
    alarm->reason_data = reason_data;
    alarm->value = value;
    alarm->updated_ms = sim->now_ms;
    if (value == old_value)
        return;
    alarm->transitioned_ms = sim->now_ms;
    act(sim, alarm, old_value, child);
    if (sim->change_depth < CHANGE_DEPTH_MAX) {
        sim->change_depth++;
        model_evaluate_composites(sim, alarm);
        sim->change_depth--;
    }
}

int model_set_alarm_state(struct sim *sim, const char *name, enum alarm_value value, const char *reason,
                          const char *reason_data, struct fault *fault)
{
    struct alarm *alarm = model_find_alarm(sim, name);

    if (alarm == NULL)
        return model_fault(fault, "ResourceNotFound", 404, "%s", "");
    model_change_alarm(sim, alarm, value, must_strdup(reason), must_strdup(reason_data), NULL);
    return 0;
}

int model_delete_alarms(struct sim *sim, const char *const *names, size_t count, struct fault *fault)
{
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        struct alarm *alarm = model_find_alarm(sim, names[i]);
        size_t at = position_of(sim, names[i]);

        if (alarm == NULL) {
            all = false;
            continue;
        }
        sim->alarm_count--;
        memmove(&sim->alarms[at], &sim->alarms[at + 1], (sim->alarm_count - at) * sizeof(struct alarm *));
        model_alarm_free(alarm);
    }
    return all ? 0 : model_fault(fault, "ResourceNotFound", 404, "%s", "");
}

/* ---- showing */

void model_alarm_page_clear(struct alarm_page *page)
{
    free(page->items);
    page->items = NULL;
    page->count = 0;
}

static bool has_action(const struct alarm *alarm, const char *prefix)
{
    for (size_t state = 0; state < COUNT_OF(alarm->settings.actions); state++) {
        for (size_t i = 0; i < alarm->settings.actions[state].count; i++) {
            if (text_starts_with(alarm->settings.actions[state].items[i], prefix))
                return true;
        }
    }
    return false;
}

static bool is_wanted(const struct alarm *alarm, const struct describe_alarms *request)
{
    bool any_type = !request->metric && !request->composite;
    bool named = request->name_count == 0;

    if (alarm->settings.composite ? !request->composite : !request->metric && !any_type)
        return false;
    for (size_t i = 0; i < request->name_count; i++)
        named = named || text_equal(alarm->settings.name, request->names[i]);
    if (!named || (request->value >= 0 && (int)alarm->value != request->value))
        return false;
    if (request->name_prefix != NULL && !text_starts_with(alarm->settings.name, request->name_prefix))
        return false;
    return request->action_prefix == NULL || has_action(alarm, request->action_prefix);
}

/* The token is the last name of the page before; it is marked, so that a made-up one is told from it. */
int model_describe_alarms(struct sim *sim, const struct describe_alarms *request, struct alarm_page *ret_page,
                          struct fault *fault)
{
    static const char mark[] = "after:";
    size_t most = request->max_records > 0 ? (size_t)request->max_records : RECORDS_PER_PAGE;
    struct alarm_page page = {0};
    const char *after = NULL;

    if (request->next_token != NULL) {
        if (!text_starts_with(request->next_token, mark))
            return model_fault(fault, "InvalidNextToken", HTTP_REFUSED, "Invalid token: %.200s",
                               request->next_token);
        after = request->next_token + strlen(mark);
    }
    page.items = must_calloc(sim->alarm_count + 1, sizeof(*page.items));
    for (size_t i = 0; i < sim->alarm_count; i++) {
        const struct alarm *alarm = sim->alarms[i];

        if ((after != NULL && strcmp(alarm->settings.name, after) <= 0) || !is_wanted(alarm, request))
            continue;
        if (page.count == most) {
            snprintf(page.next_token, sizeof(page.next_token), "%s%s", mark,
                     page.items[most - 1]->settings.name);
            break;
        }
        page.items[page.count++] = alarm;
    }
    *ret_page = page;
    return 0;
}

void model_alarms_for_metric(struct sim *sim, const struct metric_name *metric, const char *statistic,
                             int64_t period_s, struct alarm_page *ret_page)
{
    struct alarm_page page = {.items = must_calloc(sim->alarm_count + 1, sizeof(*page.items))};

    for (size_t i = 0; i < sim->alarm_count; i++) {
        const struct alarm_settings *settings = &sim->alarms[i]->settings;

        if (settings->metric.name == NULL || !model_metric_name_equal(&settings->metric, metric) ||
            (statistic != NULL && !text_equal(statistic, settings->statistic)) ||
            (period_s > 0 && period_s != settings->period_s))
            continue;
        page.items[page.count++] = sim->alarms[i];
    }
    *ret_page = page;
}
