/*
 * alarms.h - the alarms' inner calls: evaluation, changes of state, what a notification says.
 */
#ifndef SIM_ALARMS_H
#define SIM_ALARMS_H

#include "metrics.h"

void model_alarm_free(struct alarm *alarm);
struct alarm *model_find_alarm(const struct sim *sim, const char *name);

/* Looks at every metric alarm; once a minute, when a minute's datapoints have become visible. */
void model_evaluate_alarms(struct sim *sim);
/*
 * The alarm takes this state; what its actions say is done when the state differs from the one before.
 * Takes the texts over; reason_data may be NULL.  `child`: whose change made a composite alarm change.
 */
void model_change_alarm(struct sim *sim, struct alarm *alarm, enum alarm_value value, char *reason,
                        char *reason_data, const struct alarm *child);

/* ---- verdict.c: pure */

struct verdict_input {
    const double *values; /* of consecutive periods, oldest first; NAN where there was no datapoint */
    size_t count;         /* at least evaluation_periods */
    int64_t evaluation_periods, datapoints_to_alarm; /* both at least 1 */
    const char *comparison, *treat_missing;          /* treat_missing NULL: "missing" */
    double threshold;
};
struct verdict {
    bool keep; /* there is too little to tell */
    enum alarm_value value;
    size_t first_used;           /* datapoints from here on were looked at */
    int real, breaching, filled; /* how many were there, crossed the threshold, and had to be made up */
};
struct verdict model_verdict(const struct verdict_input *input);
bool model_breaches(const char *name, double value, double threshold);
/* "greater than", with which "was ... the threshold" reads well; NULL for a comparison that needs a band. */
const char *model_comparison_words(const char *name);

/* ---- composite.c */

/* 0 when the rule can be read, else -1 with ERROR_INPUT. */
int model_check_rule(const char *text, struct error *err);
/* Looks at all composite alarms after `child` has changed. */
void model_evaluate_composites(struct sim *sim, const struct alarm *child);
void model_evaluate_composite(struct sim *sim, struct alarm *alarm, const struct alarm *child);

/* ---- alarm_message.c */

/* The Message of a notification (JSON); the caller frees. */
char *model_alarm_message(const struct sim *sim, const struct alarm *alarm, enum alarm_value old_value,
                          const struct alarm *child);
/* "US East (Ohio)"; the code itself for a region that is not known. */
const char *model_region_name(const char *region);
/* As AWS prints doubles: "580.0", "5.0331648E7"; `size` at least 32. */
void model_format_number(double value, char *text, size_t size);
/* Quoted and escaped. */
void model_add_json_text(struct buffer *buffer, const char *text);

#endif
