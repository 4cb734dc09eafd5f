/*
 * verdict.c - when is an alarm in ALARM?  The rules of "Evaluating an alarm", with missing datapoints.
 *
 * The range that is looked at is a little longer than the evaluation periods, so that a gap does not at once
 * count as missing: the newest real datapoints are used as long as there are enough of them.
 */
#include "alarms.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

static const struct comparison {
    const char *name, *words;
    bool less, equal, greater;
} comparisons[] = {
    {"GreaterThanOrEqualToThreshold", "greater than or equal to", false, true, true},
    {"GreaterThanThreshold", "greater than", false, false, true},
    {"LessThanThreshold", "less than", true, false, false},
    {"LessThanOrEqualToThreshold", "less than or equal to", true, true, false},
};

static const struct comparison *find_comparison(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
        if (text_equal(comparisons[i].name, name))
            return &comparisons[i];
    }
    return NULL;
}

const char *model_comparison_words(const char *name)
{
    const struct comparison *comparison = find_comparison(name);

    return comparison == NULL ? NULL : comparison->words;
}

/* Comparisons with NAN are false. */
static bool breaches(const struct comparison *comparison, double value, double threshold)
{
    return comparison != NULL &&
           ((comparison->less && value < threshold) || (comparison->equal && value == threshold) ||
            (comparison->greater && value > threshold));
}

bool model_breaches(const char *name, double value, double threshold)
{
    return breaches(find_comparison(name), value, threshold);
}

/* Counts the newest `evaluation_periods` real datapoints, or all when there are fewer. */
static struct verdict count_points(const struct verdict_input *input)
{
    const struct comparison *comparison = find_comparison(input->comparison);
    struct verdict verdict = {.first_used = input->count};

    for (size_t i = input->count; i-- > 0 && verdict.real < input->evaluation_periods;) {
        if (isnan(input->values[i]))
            continue;
        verdict.real++;
        verdict.breaching += breaches(comparison, input->values[i], input->threshold);
        verdict.first_used = i;
    }
    verdict.filled = (int)input->evaluation_periods - verdict.real;
    return verdict;
}

/*
 * All real datapoints breach, but they are too few.  With "missing" the alarm goes off early when the oldest
 * of them, within the evaluation periods, is at least datapoints_to_alarm periods old: enough time has
 * passed.
 */
static bool is_premature_alarm(const struct verdict_input *input)
{
    for (int64_t age = input->evaluation_periods; age >= input->datapoints_to_alarm; age--) {
        if (!isnan(input->values[input->count - (size_t)age]))
            return true;
    }
    return false;
}

static void judge_gaps(const struct verdict_input *input, struct verdict *verdict)
{
    const char *treat = input->treat_missing == NULL ? "missing" : input->treat_missing;
    bool ignore = text_equal(treat, "ignore");

    if (text_equal(treat, "breaching")) {
        verdict->value =
            verdict->breaching + verdict->filled >= input->datapoints_to_alarm ? VALUE_ALARM : VALUE_OK;
    } else if (verdict->real > verdict->breaching || text_equal(treat, "notBreaching")) {
        verdict->value = VALUE_OK;
    } else if (verdict->real == 0) {
        verdict->value = VALUE_INSUFFICIENT_DATA;
        verdict->keep = ignore;
    } else {
        verdict->value = VALUE_ALARM;
        verdict->keep = ignore || !is_premature_alarm(input);
    }
}

struct verdict model_verdict(const struct verdict_input *input)
{
    struct verdict verdict = count_points(input);

    if (verdict.breaching >= input->datapoints_to_alarm)
        verdict.value = VALUE_ALARM;
    else if (verdict.filled == 0)
        verdict.value = VALUE_OK;
    else
        judge_gaps(input, &verdict);
    return verdict;
}
