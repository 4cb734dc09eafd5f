/*
 * composite.c - composite alarms: ALARM(), OK(), INSUFFICIENT_DATA() of other alarms, with AND, OR, NOT.
 *
 * NOT binds closest, then AND, then OR.  An alarm is named plainly, in quotes, or by its ARN; one that does
 * not exist is in no state.
 */
#include "alarms.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <strings.h>

enum { RULE_DEPTH_MAX = 64 };

struct rule {
    const struct sim *sim; /* NULL while a rule is only checked */
    const char *text, *at;
    int depth;
};

static int parse_or(struct rule *rule, bool *ret_value, struct error *err);

static void skip_blanks(struct rule *rule)
{
    rule->at += strspn(rule->at, " \t\r\n");
}

/* Takes the word when it stands here as a whole. */
static bool take_word(struct rule *rule, const char *word)
{
    size_t length = strlen(word);

    skip_blanks(rule);
    if (strncasecmp(rule->at, word, length) != 0 || strchr(" \t\r\n()", rule->at[length]) == NULL)
        return false;
    rule->at += length;
    return true;
}

static int bad(const struct rule *rule, struct error *err)
{
    return error_set(err, ERROR_INPUT,
                     "AlarmRule must be a valid expression: unexpected '%.40s' at position %zu", rule->at,
                     (size_t)(rule->at - rule->text));
}

static bool is_in_state(const struct sim *sim, const char *name, enum alarm_value value)
{
    const struct alarm *alarm;

    if (sim == NULL)
        return false;
    if (text_starts_with(name, "arn:")) { /* arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME */
        for (int colons = 0; colons < 6 && strchr(name, ':') != NULL; colons++)
            name = strchr(name, ':') + 1;
    }
    alarm = model_find_alarm(sim, name);
    return alarm != NULL && alarm->value == value;
}

/* What stands in the parentheses after ALARM, OK or INSUFFICIENT_DATA. */
static int parse_state(struct rule *rule, enum alarm_value value, bool *ret_value, struct error *err)
{
    char name[2048];
    size_t length;
    bool quoted;

    skip_blanks(rule);
    if (*rule->at != '(')
        return bad(rule, err);
    rule->at++;
    skip_blanks(rule);
    quoted = *rule->at == '"';
    rule->at += quoted;
    length = strcspn(rule->at, quoted ? "\"" : " \t\r\n()");
    if (length == 0 || length >= sizeof(name))
        return bad(rule, err);
    snprintf(name, sizeof(name), "%.*s", (int)length, rule->at);
    rule->at += length;
    if (quoted && *rule->at++ != '"') {
        rule->at--;
        return bad(rule, err);
    }
    skip_blanks(rule);
    if (*rule->at != ')')
        return bad(rule, err);
    rule->at++;
    *ret_value = is_in_state(rule->sim, name, value);
    return 0;
}

static int parse_primary(struct rule *rule, bool *ret_value, struct error *err)
{
    if (take_word(rule, "TRUE")) {
        *ret_value = true;
        return 0;
    }
    if (take_word(rule, "FALSE")) {
        *ret_value = false;
        return 0;
    }
    for (int value = VALUE_OK; value <= VALUE_INSUFFICIENT_DATA; value++) {
        if (take_word(rule, model_value_name((enum alarm_value)value)))
            return parse_state(rule, (enum alarm_value)value, ret_value, err);
    }
    if (*rule->at != '(')
        return bad(rule, err);
    rule->at++;
    if (parse_or(rule, ret_value, err) < 0)
        return -1;
    skip_blanks(rule);
    if (*rule->at != ')')
        return bad(rule, err);
    rule->at++;
    return 0;
}

static int parse_not(struct rule *rule, bool *ret_value, struct error *err)
{
    bool negated = false;

    while (take_word(rule, "NOT"))
        negated = !negated;
    if (parse_primary(rule, ret_value, err) < 0)
        return -1;
    *ret_value = *ret_value != negated;
    return 0;
}

static int parse_and(struct rule *rule, bool *ret_value, struct error *err)
{
    bool right;

    if (parse_not(rule, ret_value, err) < 0)
        return -1;
    while (take_word(rule, "AND")) {
        if (parse_not(rule, &right, err) < 0)
            return -1;
        *ret_value = *ret_value && right;
    }
    return 0;
}

static int parse_or(struct rule *rule, bool *ret_value, struct error *err)
{
    bool right;

    if (rule->depth == RULE_DEPTH_MAX)
        return bad(rule, err);
    rule->depth++;
    if (parse_and(rule, ret_value, err) < 0)
        return -1;
    while (take_word(rule, "OR")) {
        if (parse_and(rule, &right, err) < 0)
            return -1;
        *ret_value = *ret_value || right;
    }
    rule->depth--;
    return 0;
}

static int read_rule(const struct sim *sim, const char *text, bool *ret_value, struct error *err)
{
    struct rule rule = {.sim = sim, .text = text, .at = text};
    bool value;

    if (parse_or(&rule, &value, err) < 0)
        return -1;
    skip_blanks(&rule);
    if (*rule.at != '\0')
        return bad(&rule, err);
    *ret_value = value;
    return 0;
}

int model_check_rule(const char *text, struct error *err)
{
    bool value;

    return read_rule(NULL, text, &value, err);
}

/* "Wednesday 10 November, 2021 02:45:55 UTC" */
static void format_long_date(int64_t ms, char *text, size_t size)
{
    static const char *const days[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                       "Monday",   "Tuesday", "Wednesday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    char iso[DATE_SIZE];

    date_format_seconds(ms, iso);
    snprintf(text, size, "%s %.2s %s, %.4s %.8s UTC", days[ms / 86400000 % 7], iso + 8,
             months[strtol(iso + 5, NULL, 10) - 1], iso, iso + 11);
}

void model_evaluate_composite(struct sim *sim, struct alarm *alarm, const struct alarm *child)
{
    char arn[2048], date[96];
    enum alarm_value value;
    struct error err;
    bool rings = false;

    if (read_rule(sim, alarm->settings.rule, &rings, &err) < 0)
        abort(); /* rules are checked before an alarm is taken */
    value = rings ? VALUE_ALARM : VALUE_OK;
    if (value == alarm->value)
        return;
    model_alarm_arn(sim, child != NULL ? child : alarm, arn, sizeof(arn));
    format_long_date(sim->now_ms, date, sizeof(date));
    model_change_alarm(
        sim, alarm, value,
        must_printf("%s %s %s at %s", arn, child != NULL ? "transitioned to" : "was created, rule is",
                    child != NULL ? model_value_name(child->value) : model_value_name(value), date),
        NULL, child);
}

void model_evaluate_composites(struct sim *sim, const struct alarm *child)
{
    for (size_t i = 0; i < sim->alarm_count; i++) {
        if (sim->alarms[i]->settings.composite && sim->alarms[i] != child)
            model_evaluate_composite(sim, sim->alarms[i], child);
    }
}
