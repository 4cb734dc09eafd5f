/*
 * wire_shapes_cloudformation.c - the inputs of CloudFormation's operations.
 *
 * What the simulated CloudFormation does not do (templates in S3, roles, rollback triggers, imports) is no member
 * here, and so refused.
 */
#include "wire_shapes_common.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_stack_name(const char *value)
{
    return value[0] != '\0' && strchr(LETTERS, value[0]) != NULL &&
           strspn(value, LETTERS DIGITS "-") == strlen(value);
}

static bool is_stack_name_or_id(const char *value)
{
    return is_stack_name(value) ||
           (strncmp(value, "arn:", 4) == 0 && strspn(value, LETTERS DIGITS "-:/._+") == strlen(value));
}

static const struct shape_pattern name_pattern = {"[a-zA-Z][-a-zA-Z0-9]*", is_stack_name};
static const struct shape_pattern name_or_id_pattern = {"[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*",
                                                        is_stack_name_or_id};

static const struct shape stack_name = {SHAPE_STRING, BETWEEN(1, 128), .pattern = &name_pattern};
static const struct shape stack_name_or_id = {SHAPE_STRING, BETWEEN(1, 2048), .pattern = &name_or_id_pattern};
static const struct shape change_set_name = {SHAPE_STRING, BETWEEN(1, 128), .pattern = &name_pattern};
static const struct shape change_set_name_or_id = {SHAPE_STRING, BETWEEN(1, 1600),
                                                   .pattern = &name_or_id_pattern};
static const struct shape body = {SHAPE_STRING, BETWEEN(1, 51200)};
static const struct shape parameter =
    STRUCTURE({"ParameterKey", false, &shape_text}, {"ParameterValue", false, &shape_text},
              {"UsePreviousValue", false, &shape_boolean});
static const struct shape parameters = {SHAPE_LIST, AT_MOST(200), .of = &parameter};
static const struct shape capability = {
    SHAPE_STRING, .values = (const char *const[]){"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM",
                                                  "CAPABILITY_AUTO_EXPAND", NULL}};
static const struct shape capabilities = {SHAPE_LIST, .of = &capability};
static const struct shape on_failure = {
    SHAPE_STRING, .values = (const char *const[]){"DO_NOTHING", "ROLLBACK", "DELETE", NULL}};
static const struct shape change_set_type = {SHAPE_STRING,
                                             .values = (const char *const[]){"CREATE", "UPDATE", NULL}};
static const struct shape stage = {SHAPE_STRING,
                                   .values = (const char *const[]){"Original", "Processed", NULL}};
static const struct shape token = {SHAPE_STRING, BETWEEN(1, 128)};
static const struct shape next_token = {SHAPE_STRING, BETWEEN(1, 1024)};
static const struct shape description = {SHAPE_STRING, BETWEEN(1, 1024)};
static const struct shape stack_statuses = {SHAPE_LIST, .of = &shape_text};
static const struct shape logical_ids = {SHAPE_LIST, .of = &shape_text};

const struct shape shape_cloudformation_create_stack = STRUCTURE(
    {"StackName", true, &stack_name}, {"TemplateBody", false, &body}, {"Parameters", false, &parameters},
    {"Capabilities", false, &capabilities}, {"DisableRollback", false, &shape_boolean},
    {"OnFailure", false, &on_failure}, {"Tags", false, &shape_tags}, {"ClientRequestToken", false, &token},
    {"EnableTerminationProtection", false, &shape_boolean}, {"RetainExceptOnCreate", false, &shape_boolean});
const struct shape shape_cloudformation_update_stack =
    STRUCTURE({"StackName", true, &stack_name_or_id}, {"TemplateBody", false, &body},
              {"UsePreviousTemplate", false, &shape_boolean}, {"Parameters", false, &parameters},
              {"Capabilities", false, &capabilities}, {"Tags", false, &shape_tags},
              {"ClientRequestToken", false, &token}, {"DisableRollback", false, &shape_boolean},
              {"RetainExceptOnCreate", false, &shape_boolean});
const struct shape shape_cloudformation_delete_stack =
    STRUCTURE({"StackName", true, &stack_name_or_id}, {"RetainResources", false, &logical_ids},
              {"ClientRequestToken", false, &token});
const struct shape shape_cloudformation_describe_stacks =
    STRUCTURE({"StackName", false, &stack_name_or_id}, {"NextToken", false, &next_token});
const struct shape shape_cloudformation_stack =
    STRUCTURE({"StackName", true, &stack_name_or_id}, {"NextToken", false, &next_token});
const struct shape shape_cloudformation_describe_stack_resources =
    STRUCTURE({"StackName", true, &stack_name_or_id}, {"LogicalResourceId", false, &shape_text});
const struct shape shape_cloudformation_get_template =
    STRUCTURE({"StackName", true, &stack_name_or_id}, {"TemplateStage", false, &stage});
const struct shape shape_cloudformation_list_stacks =
    STRUCTURE({"StackStatusFilter", false, &stack_statuses}, {"NextToken", false, &next_token});
const struct shape shape_cloudformation_get_template_summary =
    STRUCTURE({"StackName", false, &stack_name_or_id}, {"TemplateBody", false, &body});
const struct shape shape_cloudformation_validate_template = STRUCTURE({"TemplateBody", false, &body});
const struct shape shape_cloudformation_create_change_set =
    STRUCTURE({"StackName", true, &stack_name_or_id}, {"ChangeSetName", true, &change_set_name},
              {"ChangeSetType", false, &change_set_type}, {"TemplateBody", false, &body},
              {"UsePreviousTemplate", false, &shape_boolean}, {"Parameters", false, &parameters},
              {"Capabilities", false, &capabilities}, {"Tags", false, &shape_tags},
              {"ClientToken", false, &token}, {"Description", false, &description});
const struct shape shape_cloudformation_describe_change_set =
    STRUCTURE({"StackName", false, &stack_name_or_id}, {"ChangeSetName", true, &change_set_name_or_id},
              {"NextToken", false, &next_token});
const struct shape shape_cloudformation_execute_change_set =
    STRUCTURE({"StackName", false, &stack_name_or_id}, {"ChangeSetName", true, &change_set_name_or_id},
              {"ClientRequestToken", false, &token}, {"DisableRollback", false, &shape_boolean},
              {"RetainExceptOnCreate", false, &shape_boolean});
const struct shape shape_cloudformation_delete_change_set =
    STRUCTURE({"StackName", false, &stack_name_or_id}, {"ChangeSetName", true, &change_set_name_or_id});
