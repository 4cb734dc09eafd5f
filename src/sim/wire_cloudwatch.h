/*
 * wire_cloudwatch.h - between the files that are CloudWatch: the table, alarms, metrics.
 */
#ifndef SIM_WIRE_CLOUDWATCH_H
#define SIM_WIRE_CLOUDWATCH_H

#include "wire.h"

/* `name_space` NULL: the member Namespace of `input`.  *ret_metric begins zeroed; model_metric_name_clear() it. */
void wire_read_metric(const cJSON *input, const char *name_space, struct metric_name *ret_metric);
/* A list of MetricDataQueries; model_data_queries_clear() it. */
void wire_read_queries(const cJSON *list, struct data_query **ret_queries, size_t *ret_count);

int wire_put_metric_alarm(struct call *call, struct fault *fault);
int wire_put_composite_alarm(struct call *call, struct fault *fault);
int wire_describe_alarms(struct call *call, struct fault *fault);
int wire_describe_alarms_for_metric(struct call *call, struct fault *fault);
int wire_set_alarm_state(struct call *call, struct fault *fault);
int wire_delete_alarms(struct call *call, struct fault *fault);

#endif
