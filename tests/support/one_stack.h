/*
 * one_stack.h - a stack named "one", the templates for it, and what it has made.
 */
#ifndef TESTS_ONE_STACK_H
#define TESTS_ONE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#define RESOURCES "Resources:\n"
#define STREAM(shards)                                                        \
    "  Stream:\n    Type: AWS::Kinesis::Stream\n    DeletionPolicy: Retain\n" \
    "    Properties:\n      Name: orders\n      ShardCount: " shards "\n"
#define TOPIC(logical, more) "  " logical ":\n    Type: AWS::SNS::Topic\n" more
#define NAMED(name) "    Properties:\n      TopicName: " name "\n"
#define ALARM(logical, threshold)                                                                         \
    "  " logical ":\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      AlarmName: " logical "\n"   \
    "      Namespace: AWS/Kinesis\n      MetricName: IncomingBytes\n      Statistic: Sum\n      Period: " \
    "60\n"                                                                                                \
    "      EvaluationPeriods: 1\n      ComparisonOperator: GreaterThanThreshold\n"                        \
    "      Threshold: " threshold "\n"
#define POLICY(more)                                                                                     \
    "  Policy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n" more                               \
    "      PolicyDocument: {Version: '2012-10-17', Statement: {Effect: Allow, Action: 's:O', Resource: " \
    "'*'}}\n"

#define SUBSCRIPTION                                                                                   \
    "  Subscription:\n    Type: AWS::SNS::Subscription\n    Properties:\n      TopicArn: !Ref Topic\n" \
    "      Protocol: http\n      Endpoint: http://127.0.0.1:1/sns\n"

/* The request alone; gives the body. */
const char *stack_create(const char *template);
const char *stack_update(const char *template);
/* It must be taken, and come to CREATE_COMPLETE, or to `status`. */
void stack_make(const char *template);
void stack_change(const char *template, const char *status);
/* The next time that this is done to the resource: "create", "update" or "delete". */
void stack_shall_fail(const char *logical, const char *deed);

/* -1: no such stream */
int64_t open_shards_of(const char *stream);
bool alarm_fires_above(const char *name, const char *threshold);
bool topic_exists(const char *name);

#endif
