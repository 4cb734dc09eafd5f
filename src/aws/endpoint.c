/*
 * endpoint.c - where a service lives, and the parts of an ARN.
 *
 * The suffixes are those of botocore's partitions.json; a region nobody has heard of yet is
 * taken to be in the first partition, as the SDKs do.
 */
#include "aws/endpoint.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <ctype.h>
#include <strings.h>

/* `name` is also the first label of the host. */
static const struct {
    const char *name;
    const char *variable;
} services[AWS_SERVICE_COUNT] = {
    [AWS_KINESIS] = {"kinesis", "AWS_ENDPOINT_URL_KINESIS"},
    [AWS_CLOUDWATCH] = {"monitoring", "AWS_ENDPOINT_URL_CLOUDWATCH"},
    [AWS_SNS] = {"sns", "AWS_ENDPOINT_URL_SNS"},
    [AWS_CLOUDFORMATION] = {"cloudformation", "AWS_ENDPOINT_URL_CLOUDFORMATION"},
    [AWS_STS] = {"sts", "AWS_ENDPOINT_URL_STS"},
};

/* No prefix begins another, so the order means nothing. */
static const struct {
    const char *region_prefix;
    const char *suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},    {"us-iso-", "c2s.ic.gov"},      {"us-isob-", "sc2s.sgov.gov"},
    {"eu-isoe-", "cloud.adc-e.uk"}, {"us-isof-", "csp.hci.ic.gov"}, {"eusc-", "amazonaws.eu"},
};

const char *aws_signing_name(enum aws_service service)
{
    return services[service].name;
}

static const char *suffix_of(const char *region)
{
    for (size_t i = 0; i < COUNT_OF(partitions); i++) {
        if (text_starts_with(region, partitions[i].region_prefix))
            return partitions[i].suffix;
    }
    return "amazonaws.com";
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* At least two letters, one or more words, a number: "us-east-1", "us-gov-west-1", "eusc-de-east-1". */
bool aws_region_is_plausible(const char *region)
{
    size_t length = strlen(region), words = 0, at = 0;

    if (length > 63)
        return false;
    while (is_lower(region[at])) {
        size_t start = at;

        while (is_lower(region[at]))
            at++;
        if ((words == 0 && at - start < 2) || region[at] != '-')
            return false;
        words++;
        at++;
    }
    if (words < 2 || !is_digit(region[at]))
        return false;
    while (is_digit(region[at]))
        at++;
    return at == length;
}

/* An emulator may have its own ("local"); what counts is that it can stand in a signature and a host. */
static bool is_label(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    return length > 0 && length <= 63 && text[length] == '\0' && text[0] != '-';
}

static bool is_host(const char *text, size_t length)
{
    if (length == 0 || length > 253)
        return false;
    if (text[0] == '[') {
        if (length < 4 || text[length - 1] != ']')
            return false;
        for (size_t i = 1; i < length - 1; i++) {
            if (!isxdigit((unsigned char)text[i]) && text[i] != ':' && text[i] != '.')
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '.' && text[i] != '_')
            return false;
    }
    return true;
}

/* Is it http(s)://host[:port], perhaps with a last slash?  Says how long it is without that. */
static bool is_plain_url(const char *url, size_t *ret_length)
{
    size_t length = strlen(url), scheme;
    const char *host, *port;
    int64_t number;

    if (text_starts_with(url, "https://"))
        scheme = strlen("https://");
    else if (text_starts_with(url, "http://"))
        scheme = strlen("http://");
    else
        return false;
    if (length >= ENDPOINT_SIZE)
        return false;
    if (length > scheme && url[length - 1] == '/')
        length--;

    host = url + scheme;
    port = memchr(host, ']', length - scheme);
    port = memchr(port != NULL ? port : host, ':', length - (size_t)((port != NULL ? port : host) - url));
    if (port != NULL) {
        char digits[8] = "";
        size_t count = length - (size_t)(port + 1 - url);

        if (count >= sizeof(digits))
            return false;
        memcpy(digits, port + 1, count);
        if (!is_digit(digits[0]) || !number_parse(digits, 1, 65535, &number))
            return false;
    }
    if (!is_host(host, port != NULL ? (size_t)(port - host) : length - scheme))
        return false;
    *ret_length = length;
    return true;
}

/* The override in force and the variable it came from; NULL when the region's own host counts. */
static const char *find_override(enum aws_service service, const char *(*get_env)(const char *name),
                                 const char **ret_variable)
{
    const char *const variables[] = {services[service].variable, "AWS_ENDPOINT_URL"};
    const char *ignore = get_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

    if (ignore != NULL && strcasecmp(ignore, "true") == 0)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *value = get_env(variables[i]);

        if (value != NULL && *value != '\0') {
            *ret_variable = variables[i];
            return value;
        }
    }
    return NULL;
}

static const char *process_getenv(const char *name)
{
    return getenv(name);
}

int aws_endpoint(enum aws_service service, const char *region, const char *(*get_env)(const char *name),
                 char ret_url[ENDPOINT_SIZE], bool *ret_overridden, struct error *err)
{
    const char *variable = NULL;
    const char *override = find_override(service, get_env != NULL ? get_env : process_getenv, &variable);
    size_t length;

    if (override == NULL && !aws_region_is_plausible(region))
        return error_set(err, ERROR_CONFIG, "'%.64s' is no AWS region", region);
    if (!is_label(region))
        return error_set(err, ERROR_CONFIG, "'%.64s' cannot be the name of a region", region);
    /* The value itself stays out of the text: what is refused here may hold a password. */
    if (override != NULL && !is_plain_url(override, &length))
        return error_set(err, ERROR_CONFIG, "%s must be http(s)://host[:port] and nothing more", variable);

    if (override != NULL)
        snprintf(ret_url, ENDPOINT_SIZE, "%.*s", (int)length, override);
    else
        snprintf(ret_url, ENDPOINT_SIZE, "https://%s.%s.%s", services[service].name, region,
                 suffix_of(region));
    if (ret_overridden != NULL)
        *ret_overridden = override != NULL;
    return 0;
}

/* Copies up to the next colon, or to the end for the last part. */
static bool take_part(const char **cursor, bool last, char *part, size_t size)
{
    size_t length = last ? strlen(*cursor) : strcspn(*cursor, ":");

    if (length >= size || (!last && (*cursor)[length] != ':'))
        return false;
    memcpy(part, *cursor, length);
    part[length] = '\0';
    *cursor += length + !last;
    return true;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

int arn_parse(const char *text, struct arn *ret_arn, struct error *err)
{
    struct arn arn = {0};
    const char *cursor = text + strlen("arn:");

    if (!text_starts_with(text, "arn:") || !take_part(&cursor, false, arn.partition, sizeof(arn.partition)) ||
        !take_part(&cursor, false, arn.service, sizeof(arn.service)) ||
        !take_part(&cursor, false, arn.region, sizeof(arn.region)) ||
        !take_part(&cursor, false, arn.account, sizeof(arn.account)) ||
        !take_part(&cursor, true, arn.resource, sizeof(arn.resource)) || arn.partition[0] == '\0' ||
        arn.service[0] == '\0' || arn.resource[0] == '\0')
        return error_set(err, ERROR_INPUT, "'%.200s' is no ARN", text);
    if (!is_printable(arn.partition) || !is_printable(arn.service) || !is_printable(arn.region) ||
        !is_printable(arn.account))
        return error_set(err, ERROR_INPUT, "'%.200s' is no ARN: it has blanks in it", text);
    *ret_arn = arn;
    return 0;
}
