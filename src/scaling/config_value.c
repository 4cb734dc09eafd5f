/*
 * config_value.c - one value of streams.conf: text in, member of a struct or fault out.
 *
 * How a value is read follows from the type of its setting; the table at the
 * end has a row for each.
 */
#include "config_parts.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <strings.h>

struct value {
    const struct setting *setting;
    const char *text;
    int line;
    void *target; /* struct service_config or struct stream_config */
    struct fault_log *faults;
};

static void *member(const struct value *value)
{
    return (char *)value->target + value->setting->offset;
}

/* Always false.  `hint` may be NULL. */
static bool refuse(const struct value *value, const char *hint)
{
    char allowed[SETTING_ALLOWED_SIZE];
    char found[EXCERPT_SIZE];

    setting_allowed(value->setting, allowed);
    fault_excerpt(value->text, found);
    fault_add(value->faults, value->line, "%s must be %s, not '%s'%s%s", value->setting->name, allowed, found,
              hint != NULL ? ": " : "", hint != NULL ? hint : "");
    return false;
}

static bool is_plain_number(const char *text)
{
    double number;

    return number_parse_double(text, &number);
}

static bool read_count(const struct value *value)
{
    const struct setting *setting = value->setting;
    int64_t count;

    if (!number_parse(value->text, (int64_t)setting->minimum, (int64_t)setting->maximum, &count))
        return refuse(value, NULL);
    memcpy(member(value), &count, sizeof(count));
    return true;
}

static bool read_percent(const struct value *value)
{
    double fraction;

    if (!number_parse_percent(value->text, &fraction))
        return refuse(value, is_plain_number(value->text) ? "a percentage ends with '%'" : NULL);
    if (fraction < value->setting->minimum || fraction > value->setting->maximum)
        return refuse(value, NULL);
    memcpy(member(value), &fraction, sizeof(fraction));
    return true;
}

static bool read_milliseconds(const struct value *value, int64_t *ret_ms)
{
    if (!number_parse_duration(value->text, ret_ms))
        return refuse(value, is_plain_number(value->text) ? "a duration ends with ms, s, m, h or d" : NULL);
    if ((double)*ret_ms < value->setting->minimum || (double)*ret_ms > value->setting->maximum)
        return refuse(value, NULL);
    return true;
}

static bool read_duration(const struct value *value)
{
    int64_t step = (int64_t)value->setting->step;
    int64_t ms;

    if (!read_milliseconds(value, &ms))
        return false;
    if (step > 0 && ms % step != 0)
        return refuse(value, NULL);
    memcpy(member(value), &ms, sizeof(ms));
    return true;
}

/* PutMetricAlarm: "Valid values are 10, 20, 30 and any multiple of 60". */
static bool read_period(const struct value *value)
{
    int64_t ms;

    if (!read_milliseconds(value, &ms))
        return false;
    if (ms != 10000 && ms != 20000 && ms != 30000 && ms % 60000 != 0)
        return refuse(value, NULL);
    memcpy(member(value), &ms, sizeof(ms));
    return true;
}

/* The place of `text` in "a|b|c", or -1. */
static int64_t choice_index(const char *choices, const char *text)
{
    size_t length = strlen(text);

    for (int64_t index = 0;; index++) {
        size_t word = strcspn(choices, "|");

        if (word == length && memcmp(choices, text, length) == 0)
            return index;
        if (choices[word] == '\0')
            return -1;
        choices += word + 1;
    }
}

static bool read_choice(const struct value *value)
{
    int64_t index = choice_index(value->setting->choices, value->text);

    if (index < 0)
        return refuse(value, NULL);
    memcpy(member(value), &index, sizeof(index));
    return true;
}

static bool read_text(const struct value *value)
{
    if (strlen(value->text) >= value->setting->size)
        return refuse(value, NULL);
    return text_copy(member(value), value->setting->size, value->text);
}

static bool read_word(const struct value *value)
{
    return choice_index(value->setting->choices, value->text) < 0 ? refuse(value, NULL) : read_text(value);
}

static bool only_of(const char *text, const char *characters)
{
    return *text != '\0' && text[strspn(text, characters)] == '\0';
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* "127.0.0.1", "localhost" or "[::1]"; digits and points must be an IPv4 address. */
static bool is_host(char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t length = strlen(host);

    if (host[0] == '[') {
        bool closed = host[length - 1] == ']';

        host[length - 1] = '\0';
        return closed && inet_pton(AF_INET6, host + 1, address) == 1;
    }
    if (only_of(host, DIGITS "."))
        return inet_pton(AF_INET, host, address) == 1;
    return only_of(host, LETTERS DIGITS ".-") && host[0] != '-' && host[0] != '.';
}

bool config_is_loopback(const char *address)
{
    char host[ADDRESS_SIZE];
    struct in6_addr v6;
    struct in_addr v4;

    if (!text_copy(host, sizeof(host), address) || strrchr(host, ':') == NULL)
        return false;
    *strrchr(host, ':') = '\0';
    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (host[0] == '[') {
        host[strlen(host) - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool read_address(const struct value *value)
{
    char host[ADDRESS_SIZE];
    char *colon;
    int64_t port;

    if (!text_copy(host, sizeof(host), value->text))
        return refuse(value, NULL);
    colon = strrchr(host, ':');
    if (colon == NULL)
        return refuse(value, "the port is missing");
    *colon = '\0';
    if (!only_of(colon + 1, DIGITS) || !number_parse(colon + 1, 0, 65535, &port))
        return refuse(value, "the port is not 0 to 65535");
    if (!is_host(host))
        return refuse(value, "the host is not a name, an IPv4 address or an IPv6 address in brackets");
    return read_text(value);
}

/* What is wrong with http(s)://HOST[:PORT]/PATH, or NULL. */
static const char *url_fault(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *start = scheme_end != NULL ? scheme_end + 3 : url;
    size_t length = strcspn(start, "/");
    char host[ADDRESS_SIZE];
    char *colon;
    int64_t port;

    if (!text_starts_with(url, "https://") && !text_starts_with(url, "http://"))
        return "it begins with neither https:// nor http://";
    if (length == 0 || length >= sizeof(host))
        return "the host is missing, or longer than 255 bytes";
    if (start[length] == '\0')
        return "the path is missing: the daemon answers at /sns";
    if (url[strcspn(url, "?# ")] != '\0')
        return "it has a query, a fragment or a blank";
    snprintf(host, sizeof(host), "%.*s", (int)length, start);
    colon = strrchr(host, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = '\0';
        if (!only_of(colon + 1, DIGITS) || !number_parse(colon + 1, 1, 65535, &port))
            return "the port is not 1 to 65535";
    }
    return host[0] != '\0' && is_host(host)
               ? NULL
               : "the host is not a name, an IPv4 address or an IPv6 address in brackets";
}

static bool read_url(const struct value *value)
{
    const char *fault;

    /* What is before the '@' is a password, and is not repeated. */
    if (strchr(value->text, '@') != NULL) {
        fault_add(value->faults, value->line, "%s must not hold a user: the daemon asks for none",
                  value->setting->name);
        return false;
    }
    fault = url_fault(value->text);
    return fault != NULL || strlen(value->text) >= value->setting->size ? refuse(value, fault)
                                                                        : read_text(value);
}

/* "eu-west-1", "us-gov-east-1": words, then a number. */
static bool is_region(const char *region)
{
    size_t words = 0;

    for (;;) {
        size_t length = strspn(region, LOWER);

        if (length == 0 || region[length] != '-')
            return words >= 2 && only_of(region, DIGITS);
        words++;
        region += length + 1;
    }
}

static bool read_region(const struct value *value)
{
    if (strlen(value->text) >= value->setting->size || !is_region(value->text))
        return refuse(value, NULL);
    return read_text(value);
}

enum { ARN_PARTS = 6 };

/* What is wrong with arn:PARTITION:sns:REGION:ACCOUNT:NAME, or NULL. */
static const char *topic_fault(const char *arn)
{
    char copy[CONFIG_LINE_MAX + 1];
    char *cursor = copy;
    const char *parts[ARN_PARTS + 1];
    size_t count = 0;

    text_copy(copy, sizeof(copy), arn);
    while (count < COUNT_OF(parts) && cursor != NULL)
        parts[count++] = text_split(&cursor, ':');

    if (count > ARN_PARTS && strcmp(parts[2], "sns") == 0)
        return "it has seven parts, as the ARN of a subscription";
    if (count != ARN_PARTS || strcmp(parts[0], "arn") != 0)
        return "it is not arn:PARTITION:sns:REGION:ACCOUNT:NAME";
    if (!text_starts_with(parts[1], "aws") || !only_of(parts[1], LOWER "-"))
        return "its partition is not aws, aws-cn, aws-us-gov or another of AWS";
    if (strcmp(parts[2], "sns") != 0)
        return "its service is not sns";
    if (!is_region(parts[3]))
        return "its region is not one such as eu-west-1";
    if (strlen(parts[4]) != 12 || !only_of(parts[4], DIGITS))
        return "its account is not 12 digits";
    if (text_ends_with(parts[5], ".fifo"))
        return "it is a FIFO topic, whose messages carry no signature";
    if (!only_of(parts[5], LETTERS DIGITS "_-"))
        return "its name is not made of letters, digits, '_' and '-'";
    return NULL;
}

static bool add_topic(const struct value *value, const char *arn)
{
    struct service_config *service = value->target;
    const char *name = value->setting->name;
    char found[EXCERPT_SIZE];
    const char *fault;

    fault_excerpt(arn, found);
    if (*arn == '\0') {
        fault_add(value->faults, value->line, "%s has a comma without an ARN beside it", name);
        return false;
    }
    fault = strlen(arn) >= sizeof(service->topic_arns[0]) ? "it is longer than 255 bytes" : topic_fault(arn);
    if (fault != NULL) {
        fault_add(value->faults, value->line, "%s must not hold '%s': %s", name, found, fault);
        return false;
    }
    for (size_t i = 0; i < service->topic_count; i++) {
        if (strcmp(service->topic_arns[i], arn) == 0) {
            fault_add(value->faults, value->line, "%s has '%s' twice", name, found);
            return false;
        }
    }
    if (service->topic_count == TOPICS_MAX) {
        fault_add(value->faults, value->line, "%s must hold at most %d topics, '%s' is one too many", name,
                  TOPICS_MAX, found);
        return false;
    }
    text_copy(service->topic_arns[service->topic_count++], sizeof(service->topic_arns[0]), arn);
    return true;
}

static bool read_topics(const struct value *value)
{
    SCOPED(free_text) char *text = must_strdup(value->text);
    struct service_config *service = value->target;
    char *cursor = text;
    bool fine = true;

    service->topic_count = 0;
    while (cursor != NULL)
        fine = add_topic(value, text_split(&cursor, ',')) && fine;
    return fine;
}

static bool add_floor(const struct value *value, struct floors *floors, const char *text)
{
    const char *name = value->setting->name;
    struct floor_window window;
    const char *fault = floor_parse(text, &window);
    char found[EXCERPT_SIZE];

    fault_excerpt(text, found);
    if (fault != NULL) {
        fault_add(value->faults, value->line, "%s must hold windows DAYS HH:MM-HH:MM SHARDS, not '%s': %s",
                  name, found, fault);
        return false;
    }
    if (floors->count == FLOORS_MAX) {
        fault_add(value->faults, value->line, "%s must hold at most %d windows, '%s' is one too many", name,
                  FLOORS_MAX, found);
        return false;
    }
    floors->windows[floors->count++] = window;
    return true;
}

static bool read_floors(const struct value *value)
{
    SCOPED(free_text) char *text = must_strdup(value->text);
    struct floors floors = {0};
    char *cursor = text;
    bool fine = true;

    for (const char *piece; fine && (piece = text_split(&cursor, ',')) != NULL;)
        fine = add_floor(value, &floors, piece);
    memcpy(member(value), &floors, sizeof(floors));
    return fine;
}

static bool (*const readers[SETTING_TYPE_COUNT])(const struct value *value) = {
    [TYPE_COUNT] = read_count,   [TYPE_PERCENT] = read_percent, [TYPE_DURATION] = read_duration,
    [TYPE_PERIOD] = read_period, [TYPE_CHOICE] = read_choice,   [TYPE_WORD] = read_word,
    [TYPE_TEXT] = read_text,     [TYPE_ADDRESS] = read_address, [TYPE_REGION] = read_region,
    [TYPE_URL] = read_url,       [TYPE_TOPICS] = read_topics,   [TYPE_FLOORS] = read_floors,
};

bool config_read_value(const struct setting *setting, const char *text, int line, void *target,
                       struct fault_log *faults)
{
    struct value value = {setting, text, line, target, faults};

    return readers[setting->type](&value);
}
