/*
 * Templates of the simulated CloudFormation: what functions make of them, and what is refused.
 */
#include "base/memory.h"
#include "base/text.h"
#include "sim_stacks.h"
#include "sim_wire.h"
#include "support.h"

#include <string.h>

#define QUEUE "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: q}}}\n"

/* ---- values */

static const char declarations[] =
    "Parameters:\n"
    "  Text: {Type: String, Default: abc}\n"
    "  Number: {Type: Number, Default: 80}\n"
    "  List: {Type: CommaDelimitedList, Default: 'a,b,,c'}\n"
    "  Numbers: {Type: 'List<Number>', Default: '1,2.5'}\n"
    "  Empty: {Type: String, Default: ''}\n"
    "Conditions:\n"
    "  Yes: !Equals [!Ref Text, abc]\n"
    "  No: !Not [!Condition Yes]\n"
    "  Both: !And [!Condition Yes, !Equals [!Ref Number, '80'], {Condition: Yes}]\n"
    "  Either: !Or [!Condition No, !Condition Both]\n"
    "  Lists: !Equals [!Ref List, [a, b, '', c]]\n"
    "  Deep: {'Fn::Not': [{'Fn::Or': [{Condition: No}, {'Fn::Equals': [a, b]}]}]}\n";

static const struct {
    const char *expression, *value;
} expressions[] = {
    {"plain", "plain"},
    {"80", "80"},
    {"1.0", "1.0"},
    {"0755", "0755"},
    {"true", "true"},
    {"\"12\"", "12"},
    {"!!str 12", "12"},
    {"!Ref Text", "abc"},
    {"{Ref: Text}", "abc"},
    {"!Ref Number", "80"},
    {"!Ref Empty", ""},
    {"!Ref AWS::AccountId", "000000000000"},
    {"!Ref AWS::Region", "us-east-1"},
    {"!Ref AWS::Partition", "aws"},
    {"!Ref AWS::URLSuffix", "amazonaws.com"},
    {"!Ref AWS::StackName", "one"},
    {"!Ref Q", "https://sqs.us-east-1.amazonaws.com/000000000000/q"},
    {"!GetAtt Q.Arn", "arn:aws:sqs:us-east-1:000000000000:q"},
    {"!GetAtt [Q, QueueName]", "q"},
    {"{'Fn::GetAtt': Q.QueueName}", "q"},
    {"!Sub '${Text}-${AWS::Region}-${Q.QueueName}-${!Text}-$Text-${'", "abc-us-east-1-q-${Text}-$Text-${"},
    {"!Sub ['${a}${Text}${b}', {a: !Ref Number, b: !GetAtt Q.Arn}]",
     "80abcarn:aws:sqs:us-east-1:000000000000:q"},
    {"!Sub ['${Text}', {Text: hidden}]", "hidden"},
    {"!Sub ''", ""},
    {"!Join ['-', !Ref List]", "a-b--c"},
    {"!Join ['', [x, !Ref Q, 1, true]]", "xhttps://sqs.us-east-1.amazonaws.com/000000000000/q1true"},
    {"!Join [',', [!If [No, a, !Ref AWS::NoValue], b]]", "b"},
    {"!Select [3, !Ref List]", "c"},
    {"!Select ['1', !Ref Numbers]", "2.5"},
    {"!Select [2, !Split ['/', 'a/b/c']]", "c"},
    {"!Join ['+', !Split ['::', !Ref AWS::StackName]]", "one"},
    {"!If [Yes, a, b]", "a"},
    {"!If [No, a, b]", "b"},
    {"!If [Both, !If [Either, deep, c], b]", "deep"},
    {"!If [Lists, same, other]", "same"},
    {"!If [Deep, yes, no]", "yes"},
    {"{'Fn::Sub': '${Text}'}", "abc"},
};

START_TEST(an_expression_has_a_value)
{
    SCOPED(free_text)
    char *template =
        must_printf("%s" QUEUE "Outputs: {X: {Value: %s}}\n", declarations, expressions[_i].expression);

    cloudformation("CreateStack", "StackName=one", template);
    ck_assert_msg(response.status == 200, "%s: %s", expressions[_i].expression, buffer_text(&response.body));
    sim_advance(sim, START_MS + 5000);
    ck_assert_str_eq(stack_output("one", "X"), expressions[_i].value);
}
END_TEST

START_TEST(json_is_a_template_too)
{
    cloudformation(
        "CreateStack", "StackName=one",
        "{\"AWSTemplateFormatVersion\": \"2010-09-09\",\n\t\"Resources\": {\"Q\": {\"Type\": "
        "\"AWS::SQS::Queue\", \"Properties\": {\"QueueName\": {\"Fn::Join\": [\"\", [\"a\\u0062\", "
        "{\"Ref\": \"AWS::Region\"}]]}}}},\n\t\"Outputs\": {\"X\": {\"Value\": {\"Fn::GetAtt\": "
        "[\"Q\", \"QueueName\"]}}}}");
    sim_advance(sim, START_MS + 5000);
    ck_assert_str_eq(stack_output("one", "X"), "abus-east-1");
}
END_TEST

START_TEST(what_a_condition_leaves_out_is_not_there)
{
    cloudformation("CreateStack", "StackName=one",
                   "Conditions: {No: !Equals [a, b]}\n"
                   "Resources:\n"
                   "  A: {Type: 'AWS::SQS::Queue', DependsOn: B}\n"
                   "  B: {Type: 'AWS::SQS::Queue', Condition: No}\n"
                   "Outputs:\n"
                   "  There: {Value: !GetAtt A.Arn}\n"
                   "  NotThere: {Value: !GetAtt B.Arn, Condition: No}\n");
    sim_advance(sim, START_MS + 5000);
    ck_assert_str_eq(stack_status("one"), "CREATE_COMPLETE");
    expect_has("<OutputKey>There</OutputKey>");
    expect_not("NotThere");
    cloudformation("ListStackResources", "StackName=one", NULL);
    expect_not("<LogicalResourceId>B</LogicalResourceId>");
}
END_TEST

/* ---- parameters */

#define PARAMETER(more) "Parameters: {P: {" more "}}\n" QUEUE "Outputs: {X: {Value: !Ref P}}\n"

static const struct {
    const char *template, *given; /* value of P; NULL: none */
    const char *message;          /* NULL: it is taken */
} parameters[] = {
    {PARAMETER("Type: String"), "x", NULL},
    {PARAMETER("Type: String"), NULL, "Parameters: [P] must have values"},
    {PARAMETER("Type: String, AllowedValues: [a, 7]"), "7", NULL},
    {PARAMETER("Type: String, AllowedValues: [a, 7]"), "b", "Parameter 'P' must be one of AllowedValues"},
    {PARAMETER("Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: letters only"), "A",
     "Parameter P failed to satisfy constraint: letters only"},
    {PARAMETER("Type: String, AllowedPattern: '[A-Za-z0-9_.-]{1,8}'"), "a.b_c-9", NULL},
    {PARAMETER("Type: String, AllowedPattern: '[A-Za-z0-9_.-]{1,8}'"), "123456789",
     "Parameter 'P' must match pattern [A-Za-z0-9_.-]{1,8}"},
    {PARAMETER("Type: String, AllowedPattern: '(https?://[^ ]+)?'"), "", NULL},
    {PARAMETER("Type: String, AllowedPattern: '(https?://[^ ]+)?'"), "ftp://x",
     "Parameter 'P' must match pattern (https?://[^ ]+)?"},
    {PARAMETER("Type: String, AllowedPattern: '(?:\\d+|[\\w]+\\.x)'"), "ab_1.x", NULL},
    {PARAMETER("Type: String, AllowedPattern: '(?:\\d+|[\\w]+\\.x)'"), "abax",
     "Parameter 'P' must match pattern (?:\\d+|[\\w]+\\.x)"},
    {PARAMETER("Type: String, MinLength: 2"), "a", "Parameter 'P' must contain at least 2 characters"},
    {PARAMETER("Type: String, MaxLength: '2'"), "abc", "Parameter 'P' must contain at most 2 characters"},
    {PARAMETER("Type: Number"), "1.5", NULL},
    {PARAMETER("Type: Number"), "x", "Parameter 'P' must be a number"},
    {PARAMETER("Type: Number, MinValue: 2"), "1", "Parameter 'P' must be a number not less than 2"},
    {PARAMETER("Type: Number, MaxValue: 2"), "3", "Parameter 'P' must be a number not greater than 2"},
    {PARAMETER("Type: String, Default: a, AllowedValues: [b]"), "b",
     "Parameter 'P' must be one of AllowedValues"},
    {PARAMETER("Type: Text"), "b", "Template format error: Unrecognized parameter type: Text"},
    {PARAMETER("Type: String, Min: 1"), "b", "Invalid template parameter property 'Min'"},
    {PARAMETER("Type: String, AllowedPattern: '(?=x)'"), "b",
     "Template format error: AllowedPattern of parameter P: the simulated CloudFormation knows no '(?='"},
    {PARAMETER("Type: String, AllowedPattern: '((a{1,99}){1,99}){1,99}'"), "b",
     "Template format error: AllowedPattern of parameter P: more than 2000 repetitions"},
    {PARAMETER("Type: String, AllowedPattern: '(a'"), "b",
     "Template format error: AllowedPattern of parameter P: Unmatched ( or \\("},
    {QUEUE, "b", "Parameters: [P] do not exist in the template"},
};

START_TEST(a_parameter_takes_what_its_declaration_allows)
{
    SCOPED(free_text)
    char *given = parameters[_i].given == NULL
                      ? must_strdup("StackName=one")
                      : must_printf("StackName=one&Parameters.member.1.ParameterKey=P&"
                                    "Parameters.member.1.ParameterValue=%s",
                                    parameters[_i].given);

    cloudformation("CreateStack", given, parameters[_i].template);
    if (parameters[_i].message == NULL) {
        ck_assert_msg(response.status == 200, "%s", buffer_text(&response.body));
        sim_advance(sim, START_MS + 5000);
        ck_assert_str_eq(stack_output("one", "X"), parameters[_i].given);
        return;
    }
    ck_assert_str_eq(element("Code"), "ValidationError");
    ck_assert_str_eq(element("Message"), parameters[_i].message);
    ck_assert_str_eq(stack_status("one"), "");
}
END_TEST

START_TEST(a_secret_parameter_is_never_shown)
{
    cloudformation("CreateStack",
                   "StackName=one&Parameters.member.1.ParameterKey=P&"
                   "Parameters.member.1.ParameterValue=hush",
                   "Parameters: {P: {Type: String, NoEcho: true}}\n" QUEUE);
    stack_status("one");
    expect_has("<ParameterKey>P</ParameterKey><ParameterValue>****</ParameterValue>");
    expect_not("hush");
}
END_TEST

/* ---- refusals */

#define OUTPUT(expression) QUEUE "Outputs: {X: {Value: " expression "}}\n"
#define RESOURCE(more) "Resources: {R: {Type: 'AWS::SQS::Queue', " more "}}\n"
#define CONDITION(expression) "Conditions: {C: " expression "}\n" QUEUE

static const struct {
    const char *template, *message;
} refusals[] = {
    {"a: [",
     "Template format error: YAML not well-formed. (line 2, column 1: did not find expected node content)"},
    {"- a\n", "Template format error: unsupported structure."},
    {"text", "Template format error: unsupported structure."},
    {QUEUE "---\n" QUEUE, "Template format error: unsupported structure."},
    {QUEUE QUEUE, "Template format error: YAML not well-formed. (line 2, column 1: duplicate key)"},
    {"Resources: &r {Q: {Type: 'AWS::SQS::Queue'}}\nMetadata: *r\n",
     "Template error: YAML aliases are not allowed in CloudFormation templates"},
    {"Resources:\n", "Template format error: [line 1] 'null' values are not allowed in templates"},
    {"Resources: {}\n", "Template format error: At least one Resources member must be defined."},
    {"Description: d\n", "Template format error: At least one Resources member must be defined."},
    {"Resource: {}\n" QUEUE, "Invalid template property or properties [Resource]"},
    {"Mappings: {}\n" QUEUE, "Template validation error: the simulated CloudFormation knows no Mappings"},
    {"AWSTemplateFormatVersion: 2010-09-08\n" QUEUE,
     "Template format error: unsupported value for AWSTemplateFormatVersion."},
    {QUEUE "Description: \"a\\u0001b\"\n",
     "Template format error: YAML not well-formed. (line 2, column 14: control characters are not allowed)"},
    {"Resources: {a-b: {Type: 'AWS::SQS::Queue'}}\n",
     "Template format error: Resource name a-b is non alphanumeric."},
    {"Resources: {R: {Properties: {}}}\n",
     "Template format error: [/Resources/R] Every Resources object must contain a Type member."},
    {"Resources: {R: {Type: 'AWS::S3::Bucket'}}\n",
     "Template format error: Unrecognized resource types: [AWS::S3::Bucket]"},
    {RESOURCE("Foo: bar"), "Invalid template resource property 'Foo'"},
    {RESOURCE("DeletionPolicy: Keep"),
     "Template format error: Unrecognized DeletionPolicy Keep for resource R"},
    {RESOURCE("UpdateReplacePolicy: RetainExceptOnCreate"),
     "Template format error: Unrecognized UpdateReplacePolicy RetainExceptOnCreate for resource R"},
    {RESOURCE("DeletionPolicy: Snapshot"),
     "Template error: resource type AWS::SQS::Queue does not support deletion policy Snapshot"},
    {RESOURCE("DependsOn: S"),
     "Template format error: Unresolved resource dependencies [S] in the Resources block of the template"},
    {RESOURCE("Condition: C"),
     "Template format error: Unresolved condition dependency C in the Resources block of the template"},
    {RESOURCE("Properties: {Name: x}"),
     "Properties validation failed for resource R with message: #: extraneous key [Name] is not permitted"},
    {RESOURCE("Properties: {Tags: [{Key: a, Valeu: b}]}"),
     "Properties validation failed for resource R with message: #/Tags: extraneous key [Valeu] is not "
     "permitted"},
    {RESOURCE("Properties: {Tags: [!If [C, {Key: a, X: b}, {Key: a, Value: b}]]}") "Conditions: {C: !Equals "
                                                                                   "[a, a]}\n",
     "Properties validation failed for resource R with message: #/Tags: extraneous key [X] is not permitted"},
    {"Resources: {R: {Type: 'AWS::SNS::Subscription', Properties: {Protocol: http}}}\n",
     "Properties validation failed for resource R with message: #: required key [TopicArn] not found"},
    {"Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}, B: {Type: 'AWS::SQS::Queue', DependsOn: C}, "
     "C: {Type: 'AWS::SQS::Queue', DependsOn: B}}\n",
     "Circular dependency between resources: [B, C]"},
    {RESOURCE("Properties: {QueueName: !Ref R}"), "Circular dependency between resources: [R]"},
    {OUTPUT("!Ref Nobody"),
     "Template format error: Unresolved resource dependencies [Nobody] in the Outputs block of the template"},
    {OUTPUT("!Ref AWS::Nothing"), "Template format error: Unresolved resource dependencies [AWS::Nothing] in "
                                  "the Outputs block of the template"},
    {OUTPUT("!Sub '${Nobody}'"),
     "Template format error: Unresolved resource dependencies [Nobody] in the Outputs block of the template"},
    {OUTPUT("!Sub '${a b}'"),
     "Template error: variable names in Fn::Sub syntax must contain only alphanumeric "
     "characters, underscores, periods, and colons"},
    {OUTPUT("!GetAtt Nobody.Arn"),
     "Template error: instance of Fn::GetAtt references undefined resource Nobody"},
    {OUTPUT("!GetAtt Q.Url"), "Template error: resource Q does not support attribute type Url in Fn::GetAtt"},
    {OUTPUT("!GetAtt Q"),
     "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource "
     "name and the resource attribute"},
    {OUTPUT("!Ref [Q]"), "Template format error: Every Ref must have a single string value."},
    {OUTPUT("!Base64 x"), "Template validation error: Template error: Encountered unsupported function: "
                          "Fn::Base64 Supported functions are: "
                          "[Ref, Fn::GetAtt, Fn::If, Fn::Join, Fn::Select, Fn::Split, Fn::Sub, Fn::And, "
                          "Fn::Equals, Fn::Not, Fn::Or, "
                          "Condition]"},
    {OUTPUT("!Equals [a, b]"), "Template validation error: Template error: Encountered unsupported function: "
                               "Fn::Equals Supported functions are: "
                               "[Ref, Fn::GetAtt, Fn::If, Fn::Join, Fn::Select, Fn::Split, Fn::Sub, Fn::And, "
                               "Fn::Equals, Fn::Not, Fn::Or, "
                               "Condition]"},
    {OUTPUT("{'Fn::Sub': a, b: c}"), "Template format error: Fn::Sub must be the only member of its mapping"},
    {OUTPUT("!If [C, a, b]"),
     "Template format error: Unresolved condition dependency C in the Outputs block of the template"},
    {OUTPUT("[a]"),
     "Template format error: The Value field of every Outputs member must evaluate to a String."},
    {QUEUE "Outputs: {X: {Description: d}}\n",
     "Template format error: Output X is malformed.  Every Outputs member must contain a Value object"},
    {CONDITION("!Equals [!Ref Q, a]"),
     "Template format error: Unresolved dependencies [Q]. Cannot reference resources "
     "in the Conditions block of the template"},
    {CONDITION("!Condition D"),
     "Template format error: Unresolved condition dependency D in the Conditions block of the template"},
};

START_TEST(a_wrong_template_is_refused)
{
    const char *message = refusals[_i].message;
    bool by_values = text_starts_with(message, "Circular") || strstr(message, "evaluate to") != NULL;

    if (!by_values) {
        cloudformation("ValidateTemplate", "", refusals[_i].template);
        ck_assert_str_eq(element("Message"), message);
    }
    cloudformation("CreateStack", "StackName=one", refusals[_i].template);
    ck_assert_str_eq(element("Code"), "ValidationError");
    ck_assert_str_eq(element("Message"), message);
    ck_assert_str_eq(stack_status("one"), "");
}
END_TEST

/* What only the values show. */
static const struct {
    const char *template, *message;
} late_refusals[] = {
    {CONDITION("a"), "Template format error: Every Conditions member must be a condition function: Fn::And, "
                     "Fn::Equals, Fn::Not, Fn::Or or Condition"},
    {CONDITION("!Equals [a]"), "Template error: every Fn::Equals object requires a list of two parameters"},
    {CONDITION("!Not [!Condition C]"), "Template format error: Circular dependencies for conditions: C"},
    {OUTPUT("!Join ['-', a]"),
     "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list "
     "of strings "
     "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."},
    {OUTPUT("!Select [2, [a, b]]"), "Template error: Fn::Select cannot select nonexistent value at index 2"},
    {OUTPUT("!Select [0, !Split [':', !GetAtt Q.Arn]]"),
     "Template error: the simulated CloudFormation splits only what is known before the resources are made"},
    {OUTPUT("!Sub ['${a}', {a: [b]}]"), "Template error: every Fn::Sub value must be a string"},
};

START_TEST(a_template_that_has_no_value_is_refused)
{
    cloudformation("CreateStack", "StackName=one", late_refusals[_i].template);
    ck_assert_str_eq(element("Code"), "ValidationError");
    ck_assert_str_eq(element("Message"), late_refusals[_i].message);
}
END_TEST

/* ---- ceilings */

static char *nested(const char *open, const char *middle, const char *close, int depth)
{
    char *text = must_strdup(middle);

    for (int i = 0; i < depth; i++) {
        char *longer = must_printf("%s%s%s", open, text, close);

        free(text);
        text = longer;
    }
    return text;
}

START_TEST(what_would_grow_without_end_is_refused)
{
    static const struct {
        const char *open, *middle, *close;
        int depth;
        const char *message;
    } cases[] = {
        {"[", "a", "]", 1000, "nested too deeply"},
        {"!Sub ['${a}${a}${a}${a}${a}${a}${a}${a}', {a: ", "xxxxxxxx", "}]", 10,
         "the functions make more than 4194304 "
         "bytes"},
        {"!Sub ['${a}${a}${a}${a}${a}${a}${a}${a}', {a: ", "''", "}]", 10,
         "the functions make more than 4194304 "
         "bytes"},
        {"!Join ['', [", "a", "]]", 9, ""},
    };
    SCOPED(free_text)
    char *value = nested(cases[_i].open, cases[_i].middle, cases[_i].close, cases[_i].depth);
    SCOPED(free_text) char *template = must_printf(QUEUE "Outputs: {X: {Value: %s}}\n", value);

    cloudformation("CreateStack", "StackName=one", template);
    if (cases[_i].message[0] == '\0')
        ck_assert_int_eq(response.status, 200);
    else
        expect_has(cases[_i].message);
}
END_TEST

START_TEST(a_template_has_at_most_51200_bytes)
{
    SCOPED(free_text) char *blanks = nested(" ", "", "", 51200 - (int)strlen(QUEUE));
    SCOPED(free_text) char *template = must_printf(QUEUE "%s", blanks);

    cloudformation("ValidateTemplate", "", template);
    ck_assert_int_eq(response.status, 200);
    free(template);
    template = must_printf(QUEUE " %s", blanks);
    cloudformation("ValidateTemplate", "", template);
    expect_has("at 'templateBody' failed to satisfy constraint: Member must have length less than or equal "
               "to 51200");
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("sim_template");
    TCase *tcase = tcase_create("template");

    suite_add_tcase(all, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_sim, drop_sim);
    tcase_add_loop_test(tcase, an_expression_has_a_value, 0, COUNT_OF(expressions));
    tcase_add_test(tcase, json_is_a_template_too);
    tcase_add_test(tcase, what_a_condition_leaves_out_is_not_there);
    tcase_add_loop_test(tcase, a_parameter_takes_what_its_declaration_allows, 0, COUNT_OF(parameters));
    tcase_add_test(tcase, a_secret_parameter_is_never_shown);
    tcase_add_loop_test(tcase, a_wrong_template_is_refused, 0, COUNT_OF(refusals));
    tcase_add_loop_test(tcase, a_template_that_has_no_value_is_refused, 0, COUNT_OF(late_refusals));
    tcase_add_loop_test(tcase, what_would_grow_without_end_is_refused, 0, 4);
    tcase_add_test(tcase, a_template_has_at_most_51200_bytes);
    return all;
}

int main(void)
{
    return run_suite(suite());
}
