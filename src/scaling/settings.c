/*
 * settings.c - the one table of settings, and what it says about each in words.
 */
#include "scaling/settings.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "scaling/config.h"

#define SECONDS(n) ((n)*1000.0)
#define MINUTES(n) SECONDS((n)*60.0)
#define HOURS(n) MINUTES((n)*60.0)
#define DAYS(n) HOURS((n)*24.0)

#define SIZE_IN(type, member) sizeof(((struct type *)NULL)->member)
#define SERVICE(member)                                                        \
    .scope = SCOPE_SERVICE, .offset = offsetof(struct service_config, member), \
    .size = SIZE_IN(service_config, member)
#define STREAM(member)                                                       \
    .scope = SCOPE_STREAM, .offset = offsetof(struct stream_config, member), \
    .size = SIZE_IN(stream_config, member)

static const struct setting table[] = {
    {"database", .type = TYPE_TEXT, SERVICE(database), .unit = "path", .fallback = "kinescale.db",
     .restart = true, .help = "SQLite file that holds what must survive a restart; made when missing."},
    {"listen", .type = TYPE_ADDRESS, SERVICE(listen), .unit = "address", .fallback = "127.0.0.1:8080",
     .restart = true,
     .help = "Where SNS posts notifications (POST /sns); 0.0.0.0:PORT opens it to every network."},
    {"admin_listen", .type = TYPE_ADDRESS, SERVICE(admin_listen), .unit = "address",
     .fallback = "127.0.0.1:8081", .restart = true,
     .help = "Where health, metrics and status are served; other than a loopback address needs "
             "`admin_token_file`."},
    {"admin_token_file", .type = TYPE_TEXT, SERVICE(admin_token_file), .unit = "path", .fallback = "",
     .example = "/etc/kinescale/admin.token", .restart = true,
     .help = "File with the token that the admin routes then ask for, readable by its owner only."},
    {"region", .type = TYPE_REGION, SERVICE(region), .unit = "region", .fallback = "", .example = "eu-west-1",
     .restart = true,
     .help = "AWS region of the streams; when left out, that of the environment or the profile."},
    {"profile", .type = TYPE_TEXT, SERVICE(profile), .unit = "name", .fallback = "", .example = "autoscaler",
     .restart = true, .help = "Profile of the AWS configuration files to take credentials from."},
    {"topic_arn", .type = TYPE_TOPICS, SERVICE(topic_arns), .unit = "topics", .fallback = NULL,
     .example = "arn:aws:sns:eu-west-1:123456789012:kinescale", .minimum = 1, .maximum = TOPICS_MAX,
     .help = "Topics the alarms publish to; messages of any other topic are refused."},
    {"public_url", .type = TYPE_URL, SERVICE(public_url), .unit = "URL", .fallback = "",
     .example = "https://scaling.example.com/sns",
     .help = "Where SNS reaches the daemon; `provision` subscribes it to the first topic of `topic_arn`."},
    {"tls_certificate", .type = TYPE_TEXT, SERVICE(tls_certificate), .unit = "path", .fallback = "",
     .example = "/etc/kinescale/tls.crt", .restart = true,
     .help = "PEM file with the certificate chain of `listen`; left out for plain HTTP behind a proxy."},
    {"tls_key", .type = TYPE_TEXT, SERVICE(tls_key), .unit = "path", .fallback = "",
     .example = "/etc/kinescale/tls.key", .restart = true,
     .help = "PEM file with the private key of that certificate."},
    {"workers", .type = TYPE_COUNT, SERVICE(workers), .minimum = 1, .maximum = 64, .unit = "threads",
     .fallback = "4", .restart = true, .help = "How many streams are worked on at the same time."},
    {"reconcile_every", .type = TYPE_DURATION, SERVICE(reconcile_every_ms), .minimum = SECONDS(1),
     .maximum = HOURS(1), .unit = "duration", .fallback = "5m",
     .help = "How often every stream is looked at without a notification, for those that were lost."},
    {"history", .type = TYPE_DURATION, SERVICE(history_ms), .minimum = HOURS(48), .maximum = HOURS(24 * 3650),
     .unit = "duration", .fallback = "90d",
     .help = "How long finished actions, decisions and notifications are kept, dead letters too."},
    {"scale_down_schedule", .type = TYPE_CHOICE, SERVICE(scale_down_schedule), .unit = "choice",
     .choices = "off|internal", .fallback = "off",
     .help =
         "Who runs the scale-down pass: cron or a timer (off), or the daemon itself, every hour (internal)."},
    {"log_level", .type = TYPE_WORD, SERVICE(log_level), .unit = "choice", .choices = "debug|info|warn|error",
     .fallback = "info", .help = "The least severe lines that are logged."},

    {"min_shards", .type = TYPE_COUNT, STREAM(min_shards), .minimum = 1, .maximum = SHARDS_PER_STREAM_MAX,
     .unit = "shards", .fallback = "1", .help = "Never fewer shards than this."},
    {"max_shards", .type = TYPE_COUNT, STREAM(max_shards), .minimum = 1, .maximum = SHARDS_PER_STREAM_MAX,
     .unit = "shards", .fallback = "16", .help = "Never more shards than this: the ceiling of the bill."},
    {"desired_shards", .type = TYPE_COUNT, STREAM(desired_shards), .minimum = 1,
     .maximum = SHARDS_PER_STREAM_MAX, .unit = "shards", .fallback = "", .example = "2",
     .help = "Shards of a stream when it is created; min_shards when left out."},
    {"scale_up_threshold", .type = TYPE_PERCENT, STREAM(scale_up_threshold), .minimum = 0.15, .maximum = 0.95,
     .unit = "% of capacity", .fallback = "80%",
     .help = "Where the alarms on bytes and records stand; with `policy = adaptive` until the stream's own "
             "line is learned."},
    {"target_utilization", .type = TYPE_PERCENT, STREAM(target_utilization), .minimum = 0.10, .maximum = 0.90,
     .unit = "% of capacity", .fallback = "60%",
     .help = "A scale-up splits until no shard is fuller than this.", .classic = true},
    {"cooldown", .type = TYPE_DURATION, STREAM(cooldown_ms), .minimum = 0, .maximum = HOURS(6),
     .unit = "duration", .fallback = "5m",
     .help = "How long a stream is left alone after an action; notifications wait for its end."},
    {"scale_down_threshold", .type = TYPE_PERCENT, STREAM(scale_down_threshold), .minimum = 0.01,
     .maximum = 0.85, .unit = "% of capacity", .fallback = "50%",
     .help = "The scale-down pass merges when the whole window was below this, and leaves no shard fuller.",
     .classic = true},
    {"scale_down_every", .type = TYPE_DURATION, STREAM(scale_down_every_ms), .minimum = MINUTES(5),
     .maximum = DAYS(30), .unit = "duration", .fallback = "36h",
     .help = "The scale-down pass leaves a stream alone for this long after its last merge.",
     .classic = true},
    {"scale_down_window", .type = TYPE_DURATION, STREAM(scale_down_window_ms), .minimum = MINUTES(30),
     .maximum = DAYS(14), .step = MINUTES(5), .unit = "duration", .fallback = "24h",
     .help = "How far back the scale-down pass looks, in five-minute sums.", .classic = true},
    {"alarm_level", .type = TYPE_CHOICE, STREAM(alarm_level), .unit = "choice", .choices = "stream|shard",
     .fallback = "stream",
     .help = "What alarms watch: the stream as a whole, or each shard, with alarms this program makes and "
             "deletes."},
    {"alarm_period", .type = TYPE_PERIOD, STREAM(alarm_period_ms), .minimum = SECONDS(10),
     .maximum = HOURS(1), .unit = "duration", .fallback = "60s",
     .help = "Period of the alarms this program makes; Kinesis has metrics once a minute."},
    {"resharding", .type = TYPE_CHOICE, STREAM(resharding), .unit = "choice",
     .choices = "split|update-shard-count|auto", .fallback = "auto",
     .help = "SplitShard, UpdateShardCount, or whichever reaches the target sooner."},
    {"threshold_basis", .type = TYPE_CHOICE, STREAM(threshold_basis), .unit = "choice",
     .choices = "effective|count", .fallback = "effective",
     .help = "Capacity as what the widest shard allows, or as the plain number of shards."},
    {"missing_data", .type = TYPE_CHOICE, STREAM(missing_data), .unit = "choice",
     .choices = "auto|idle|unknown", .fallback = "auto",
     .help = "What the scale-down pass takes a period without datapoints for; auto asks the other metrics."},
    {"policy", .type = TYPE_CHOICE, STREAM(policy), .unit = "choice", .choices = "classic|adaptive",
     .fallback = "adaptive",
     .help =
         "Who decides: the demand of every minute (adaptive), or alarms and the scale-down pass (classic)."},
    {"floor", .type = TYPE_FLOORS, STREAM(floors), .unit = "windows", .fallback = "", .maximum = FLOORS_MAX,
     .example = "Mon-Fri 07:00-10:00 20, daily 22:00-02:00 8",
     .help = "Hours, in UTC, in which the stream has at least so many shards."},
};

_Static_assert(COUNT_OF(table) <= SETTINGS_MAX, "SETTINGS_MAX is too small");

const struct setting *settings(size_t *ret_count)
{
    *ret_count = COUNT_OF(table);
    return table;
}

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

const char *setting_sections(const struct setting *setting)
{
    return setting->scope == SCOPE_SERVICE ? "[service]" : "[defaults] or [stream NAME]";
}

/* "a|b|c" as "a, b or c". */
static void list_choices(const char *choices, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    while (*choices != '\0' && length < size) {
        int word = (int)strcspn(choices, "|");
        const char *next = choices + word + (choices[word] == '|');
        const char *joint = length == 0 ? "" : *next == '\0' ? " or " : ", ";

        length += (size_t)snprintf(text + length, size - length, "%s%.*s", joint, word, choices);
        choices = next;
    }
}

static void list_range(const struct setting *setting, char *text, size_t size)
{
    char low[32], high[32], step[32];

    switch (setting->type) {
    case TYPE_PERCENT:
        number_format_percent(setting->minimum, low, sizeof(low));
        number_format_percent(setting->maximum, high, sizeof(high));
        snprintf(text, size, "%s to %s", low, high);
        return;
    case TYPE_DURATION:
        number_format_duration((int64_t)setting->minimum, low, sizeof(low));
        number_format_duration((int64_t)setting->maximum, high, sizeof(high));
        number_format_duration((int64_t)setting->step, step, sizeof(step));
        snprintf(text, size, "%s to %s%s%s", low, high, setting->step > 0 ? " in steps of " : "",
                 setting->step > 0 ? step : "");
        return;
    default:
        snprintf(text, size, "%.0f to %.0f %s", setting->minimum, setting->maximum, setting->unit);
        return;
    }
}

void setting_allowed(const struct setting *setting, char text[SETTING_ALLOWED_SIZE])
{
    char high[32];

    switch (setting->type) {
    case TYPE_CHOICE:
    case TYPE_WORD:
        list_choices(setting->choices, text, SETTING_ALLOWED_SIZE);
        break;
    case TYPE_PERIOD:
        number_format_duration((int64_t)setting->maximum, high, sizeof(high));
        snprintf(text, SETTING_ALLOWED_SIZE, "10s, 20s, 30s or a multiple of 60s up to %s", high);
        break;
    case TYPE_TEXT:
        snprintf(text, SETTING_ALLOWED_SIZE, "a %s of at most %zu bytes", setting->unit, setting->size - 1);
        break;
    case TYPE_ADDRESS:
        text_copy(text, SETTING_ALLOWED_SIZE, "HOST:PORT");
        break;
    case TYPE_REGION:
        text_copy(text, SETTING_ALLOWED_SIZE, "the name of an AWS region such as eu-west-1");
        break;
    case TYPE_URL:
        text_copy(text, SETTING_ALLOWED_SIZE, "https://HOST[:PORT]/PATH, or http://");
        break;
    case TYPE_TOPICS:
        snprintf(text, SETTING_ALLOWED_SIZE, "%.0f to %.0f ARNs of SNS topics, separated by commas",
                 setting->minimum, setting->maximum);
        break;
    case TYPE_FLOORS:
        snprintf(
            text, SETTING_ALLOWED_SIZE,
            "at most %.0f windows DAYS HH:MM-HH:MM SHARDS, separated by commas; DAYS: Mon, Mon-Fri, daily",
            setting->maximum);
        break;
    default:
        list_range(setting, text, SETTING_ALLOWED_SIZE);
        break;
    }
}

static void format_topics(const struct service_config *service, char text[SETTING_VALUE_SIZE])
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < service->topic_count; i++)
        length += (size_t)snprintf(text + length, SETTING_VALUE_SIZE - length, "%s%s", i > 0 ? ", " : "",
                                   service->topic_arns[i]);
}

static void format_choice(const char *choices, int64_t index, char text[SETTING_VALUE_SIZE])
{
    for (; index > 0; index--)
        choices += strcspn(choices, "|") + 1;
    snprintf(text, SETTING_VALUE_SIZE, "%.*s", (int)strcspn(choices, "|"), choices);
}

void setting_format(const struct setting *setting, const void *source, char text[SETTING_VALUE_SIZE])
{
    const char *member = (const char *)source + setting->offset;
    double fraction = 0;
    int64_t number = 0;

    if (setting->type == TYPE_PERCENT)
        memcpy(&fraction, member, sizeof(fraction));
    else if (setting->size == sizeof(number))
        memcpy(&number, member, sizeof(number));
    switch (setting->type) {
    case TYPE_COUNT:
        snprintf(text, SETTING_VALUE_SIZE, "%lld", (long long)number);
        break;
    case TYPE_PERCENT:
        number_format_percent(fraction, text, SETTING_VALUE_SIZE);
        break;
    case TYPE_DURATION:
    case TYPE_PERIOD:
        number_format_duration(number, text, SETTING_VALUE_SIZE);
        break;
    case TYPE_CHOICE:
        format_choice(setting->choices, number, text);
        break;
    case TYPE_TOPICS:
        format_topics(source, text);
        break;
    case TYPE_FLOORS:
        floors_format((const struct floors *)(const void *)member, text, SETTING_VALUE_SIZE);
        break;
    case TYPE_WORD:
    case TYPE_TEXT:
    case TYPE_ADDRESS:
    case TYPE_URL:
    case TYPE_REGION:
        snprintf(text, SETTING_VALUE_SIZE, "%s", member);
        break;
    case SETTING_TYPE_COUNT:
        break;
    }
}
