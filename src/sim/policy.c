/*
 * policy.c - IAM's language, as much of it as a service that acts for an account can come across.
 */
#include "policy.h"

#include "base/memory.h"
#include "base/text.h"
#include "wire_input.h"

#include <string.h>
#include <strings.h>

/* ---- form */

static bool is_text_or_texts(const cJSON *value)
{
    const cJSON *item;

    if (!cJSON_IsArray(value))
        return cJSON_IsString(value);
    cJSON_ArrayForEach(item, value) {
        if (!cJSON_IsString(item))
            return false;
    }
    return value->child != NULL;
}

/* "service:Operation", or "*". */
static bool are_actions(const cJSON *value)
{
    const cJSON *item = cJSON_IsArray(value) ? value->child : value;

    for (; item != NULL; item = cJSON_IsArray(value) ? item->next : NULL) {
        const char *colon = strchr(item->valuestring, ':');

        if (!text_equal(item->valuestring, "*") &&
            (colon == NULL || colon == item->valuestring || colon[1] == '\0'))
            return false;
    }
    return true;
}

static bool is_principal(const cJSON *value)
{
    static const char *const kinds[] = {"AWS", "Service", "Federated", "CanonicalUser"};
    const cJSON *child;

    if (cJSON_IsString(value))
        return text_equal(value->valuestring, "*");
    cJSON_ArrayForEach(child, value) {
        bool known = false;

        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            known = known || text_equal(kinds[i], child->string);
        if (!known || !is_text_or_texts(child))
            return false;
    }
    return cJSON_IsObject(value) && value->child != NULL;
}

static bool is_condition(const cJSON *value)
{
    const cJSON *operator, * key;

    cJSON_ArrayForEach(operator, value) {
        if (!cJSON_IsObject(operator))
            return false;
        cJSON_ArrayForEach(key, operator) {
            if (!is_text_or_texts(key) && !cJSON_IsBool(key) && !cJSON_IsNumber(key))
                return false;
        }
    }
    return cJSON_IsObject(value);
}

/* One of `name` and "Not" `name`, and not both. */
static const cJSON *either(const cJSON *statement, const char *name)
{
    char negated[32];
    const cJSON *plain = input_member(statement, name), *other;

    snprintf(negated, sizeof(negated), "Not%s", name);
    other = input_member(statement, negated);
    if (plain != NULL && other != NULL)
        return NULL;
    return plain != NULL ? plain : other;
}

/* What is wrong with it; NULL when nothing is. */
static const char *complaint_about(const cJSON *statement, enum policy_kind kind)
{
    static const char *const known[] = {"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                        "NotAction", "Resource", "NotResource", "Condition"};
    const char *effect = input_text(statement, "Effect");
    const cJSON *action = either(statement, "Action"), *resource = either(statement, "Resource");
    const cJSON *principal = either(statement, "Principal"),
                *condition = input_member(statement, "Condition"), *member;

    if (!cJSON_IsObject(statement))
        return "a statement must be an object";
    cJSON_ArrayForEach(member, statement) {
        bool is_known = false;

        for (size_t i = 0; i < COUNT_OF(known); i++)
            is_known = is_known || text_equal(known[i], member->string);
        if (!is_known)
            return "a statement has an element that there is not";
    }
    if (!text_equal(effect, "Allow") && !text_equal(effect, "Deny"))
        return "Effect must be Allow or Deny";
    if (action == NULL || !is_text_or_texts(action) || !are_actions(action))
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
    if (kind == POLICY_OF_IDENTITY && principal != NULL)
        return "Policy document should not specify a principal.";
    if (kind == POLICY_OF_RESOURCE && (principal == NULL || !is_principal(principal)))
        return "a statement must name its principal";
    if ((kind == POLICY_OF_IDENTITY || resource != NULL) && (resource == NULL || !is_text_or_texts(resource)))
        return "Policy statement must contain resources.";
    return condition == NULL || is_condition(condition) ? NULL : "Condition must be {operator: {key: value}}";
}

int policy_check(const cJSON *document, enum policy_kind kind, const char *type, struct fault *fault)
{
    const char *version = input_text(document, "Version"), *complaint = NULL;
    const cJSON *statements = input_member(document, "Statement"), *statement, *member;

    cJSON_ArrayForEach(member, document) {
        if (!text_equal(member->string, "Version") && !text_equal(member->string, "Id") &&
            !text_equal(member->string, "Statement"))
            complaint = "a policy has Version, Id and Statement";
    }
    if (!cJSON_IsObject(document) || statements == NULL || statements->child == NULL)
        complaint = "a policy must have a Statement";
    else if (version != NULL && !text_equal(version, "2012-10-17") && !text_equal(version, "2008-10-17"))
        complaint = "Version must be 2012-10-17 or 2008-10-17";
    if (complaint == NULL && cJSON_IsObject(statements))
        complaint = complaint_about(statements, kind);
    statement = cJSON_IsArray(statements) ? cJSON_GetArrayItem(statements, 0) : NULL;
    for (; complaint == NULL && statement != NULL; statement = statement->next)
        complaint = complaint_about(statement, kind);
    return complaint == NULL ? 0 : model_fault(fault, type, 400, "Syntax errors in policy: %s", complaint);
}

/* ---- meaning */

/* '*' is any text and '?' any character; in linear space and at worst quadratic time. */
static bool matches(const char *pattern, const char *text, bool any_case)
{
    const char *star = NULL, *retry = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text ||
                   (any_case && *pattern != '\0' && strncasecmp(pattern, text, 1) == 0)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* Whether a text or one of a list is, or with wildcards matches, what was asked for. */
static bool any_matches(const cJSON *value, const char *text, bool any_case)
{
    const cJSON *item = cJSON_IsArray(value) ? value->child : value;

    for (; item != NULL && text != NULL; item = cJSON_IsArray(value) ? item->next : NULL) {
        if (cJSON_IsString(item) && matches(item->valuestring, text, any_case))
            return true;
    }
    return false;
}

static bool any_equals(const cJSON *value, const char *text)
{
    const cJSON *item = cJSON_IsArray(value) ? value->child : value;

    for (; item != NULL && text != NULL; item = cJSON_IsArray(value) ? item->next : NULL) {
        if (text_equal(cJSON_GetStringValue(item), text))
            return true;
    }
    return false;
}

static bool condition_holds(const cJSON *condition, const struct policy_question *question)
{
    const cJSON *operator, * key;

    cJSON_ArrayForEach(operator, condition) {
        bool exact = text_equal(operator->string, "StringEquals");

        if (!exact && !text_equal(operator->string, "StringLike") &&
            !text_equal(operator->string, "ArnEquals") && !text_equal(operator->string, "ArnLike"))
            return false;
        cJSON_ArrayForEach(key, operator) {
            const char *fact = NULL;

            if (strcasecmp(key->string, "aws:SourceArn") == 0)
                fact = question->source_arn;
            else if (strcasecmp(key->string, "aws:SourceAccount") == 0)
                fact = question->source_account;
            if (exact ? !any_equals(key, fact) : !any_matches(key, fact, false))
                return false;
        }
    }
    return true;
}

static bool principal_matches(const cJSON *principal, const char *service)
{
    if (cJSON_IsString(principal))
        return text_equal(principal->valuestring, "*");
    return any_equals(input_member(principal, "Service"), service) ||
           any_equals(input_member(principal, "AWS"), "*");
}

/* Either the element names it, or its negation does not. */
static bool names(const cJSON *statement, const char *name, const char *negated, const char *text,
                  bool any_case)
{
    const cJSON *value = input_member(statement, name), *other = input_member(statement, negated);

    if (value == NULL && other == NULL)
        return true; /* of a resource's own policy: the resource itself */
    return value != NULL ? any_matches(value, text, any_case) : !any_matches(other, text, any_case);
}

static bool applies(const cJSON *statement, const struct policy_question *question)
{
    const cJSON *principal = input_member(statement, "Principal");
    const cJSON *condition = input_member(statement, "Condition");
    bool of_principal = principal != NULL
                            ? principal_matches(principal, question->service)
                            : !principal_matches(input_member(statement, "NotPrincipal"), question->service);

    return of_principal && names(statement, "Action", "NotAction", question->action, true) &&
           names(statement, "Resource", "NotResource", question->resource, false) &&
           (condition == NULL || condition_holds(condition, question));
}

bool policy_allows(const char *document, const struct policy_question *question)
{
    SCOPED(wire_delete_tree) cJSON *policy = cJSON_Parse(document);
    const cJSON *statements = input_member(policy, "Statement");
    const cJSON *statement = cJSON_IsArray(statements) ? statements->child : statements;
    bool allowed = false;

    for (; statement != NULL; statement = cJSON_IsArray(statements) ? statement->next : NULL) {
        if (!applies(statement, question))
            continue;
        if (text_equal(input_text(statement, "Effect"), "Deny"))
            return false;
        allowed = true;
    }
    return allowed;
}
