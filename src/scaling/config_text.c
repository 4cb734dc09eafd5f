/*
 * config_text.c - the lines of streams.conf: sections, keys, comments.
 *
 * Knows nothing of what the values mean.  A fault never ends the reading, so
 * that one run names them all; keys of an unknown section are passed over.
 */
#include "config_parts.h"

#include "base/memory.h"
#include "base/text.h"

enum section { SECTION_NONE, SECTION_UNKNOWN, SECTION_SERVICE, SECTION_DEFAULTS, SECTION_STREAM };

struct reader {
    struct draft *draft;
    struct fault_log *faults;
    int line;
    enum section section;
    /* Of the section we are in; moved by the next one. */
    void *target;
    struct given *given;
};

/* About the line we are at. */
#define COMPLAIN(reader, ...) fault_add((reader)->faults, (reader)->line, __VA_ARGS__)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Ends the line where a comment begins. */
static void cut_comment(char *line)
{
    for (size_t i = 0; line[i] != '\0'; i++) {
        if ((line[i] == '#' || line[i] == ';') && (i == 0 || is_blank(line[i - 1]))) {
            line[i] = '\0';
            return;
        }
    }
}

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static bool consists_of(const char *name, const char *characters)
{
    size_t length = strspn(name, characters);

    return length >= 1 && length <= STREAM_NAME_MAX && name[length] == '\0';
}

bool config_is_stream_name(const char *name)
{
    return consists_of(name, NAME_CHARACTERS);
}

static void begin_once(struct reader *reader, enum section section, const char *title, struct given *given,
                       void *target)
{
    reader->section = section;
    reader->given = given;
    reader->target = target;
    if (given->section_line != 0)
        COMPLAIN(reader, "section [%s] was already given at line %d", title, given->section_line);
    else
        given->section_line = reader->line;
}

static void begin_service(struct reader *reader, const char *name)
{
    (void)name;
    begin_once(reader, SECTION_SERVICE, "service", &reader->draft->service, &reader->draft->config->service);
}

static void begin_defaults(struct reader *reader, const char *name)
{
    (void)name;
    begin_once(reader, SECTION_DEFAULTS, "defaults", &reader->draft->defaults,
               &reader->draft->config->defaults);
}

/* A name that is wrong gives a stream without one, so that its settings are still checked. */
static void begin_stream(struct reader *reader, const char *name)
{
    struct draft *draft = reader->draft;
    struct config *config = draft->config;
    struct stream_config *stream;

    reader->section = SECTION_UNKNOWN;
    if (config->stream_count == CONFIG_STREAMS_MAX) {
        COMPLAIN(reader, "there are more than %d streams", CONFIG_STREAMS_MAX);
        return;
    }
    if (config_is_pattern(name) && ++draft->patterns > CONFIG_PATTERNS_MAX) {
        if (draft->patterns == CONFIG_PATTERNS_MAX + 1)
            COMPLAIN(reader, "there are more than %d patterns", CONFIG_PATTERNS_MAX);
        return;
    }
    if (config->stream_count == draft->capacity) {
        draft->capacity = draft->capacity == 0 ? 16 : draft->capacity * 2;
        config->streams = must_realloc(config->streams, draft->capacity, sizeof(*config->streams));
        draft->streams = must_realloc(draft->streams, draft->capacity, sizeof(*draft->streams));
    }
    stream = &config->streams[config->stream_count];
    *stream = (struct stream_config){.line = reader->line};
    draft->streams[config->stream_count] = (struct given){.section_line = reader->line};
    if (consists_of(name, NAME_CHARACTERS "*")) {
        text_copy(stream->name, sizeof(stream->name), name);
    } else {
        char found[EXCERPT_SIZE];

        fault_excerpt(name, found);
        COMPLAIN(reader,
                 "a stream's name must be 1 to %d letters, digits, '_', '.' and '-', and '*' for any of "
                 "them, not '%s'",
                 STREAM_NAME_MAX, found);
    }
    reader->section = SECTION_STREAM;
    reader->target = stream;
    reader->given = &draft->streams[config->stream_count++];
}

static const struct section_kind {
    const char *word;
    bool named;
    const char *form;
    void (*begin)(struct reader *reader, const char *name);
} section_kinds[] = {
    {"service", false, "[service]", begin_service},
    {"defaults", false, "[defaults]", begin_defaults},
    {"stream", true, "[stream NAME]", begin_stream},
};

static void complain_section(struct reader *reader, const char *word)
{
    const char *words[COUNT_OF(section_kinds) + 1] = {0};
    char found[EXCERPT_SIZE];
    const char *nearest;

    for (size_t i = 0; i < COUNT_OF(section_kinds); i++)
        words[i] = section_kinds[i].word;
    nearest = text_nearest(word, words);
    fault_excerpt(word, found);
    for (size_t i = 0; i < COUNT_OF(section_kinds); i++) {
        if (text_equal(nearest, section_kinds[i].word)) {
            COMPLAIN(reader, "no section is called '%s': did you mean %s?", found, section_kinds[i].form);
            return;
        }
    }
    COMPLAIN(reader, "no section is called '%s': there are [service], [defaults] and [stream NAME]", found);
}

/* `text` is "[...]", trimmed. */
static void read_section(struct reader *reader, char *text)
{
    size_t length = strlen(text);
    char found[EXCERPT_SIZE];
    char *word, *name;

    reader->section = SECTION_UNKNOWN;
    fault_excerpt(text, found);
    if (text[length - 1] != ']') {
        COMPLAIN(reader, "a section must be alone on its line and end with ']', not '%s'", found);
        return;
    }
    text[length - 1] = '\0';
    word = text_trim(text + 1);
    name = word + strcspn(word, " \t");
    if (*name != '\0')
        *name++ = '\0';
    name = text_trim(name);

    for (size_t i = 0; i < COUNT_OF(section_kinds); i++) {
        const struct section_kind *kind = &section_kinds[i];

        if (strcmp(kind->word, word) != 0)
            continue;
        if (kind->named != (*name != '\0'))
            COMPLAIN(reader, "a section must be written %s, not '%s'", kind->form, found);
        else
            kind->begin(reader, name);
        return;
    }
    complain_section(reader, word);
}

static const char *const section_places[] = {
    [SECTION_NONE] = "before the first section",
    [SECTION_SERVICE] = "in [service]",
    [SECTION_DEFAULTS] = "in [defaults]",
    [SECTION_STREAM] = "in [stream NAME]",
};

static bool belongs_here(const struct reader *reader, const struct setting *setting)
{
    return reader->section != SECTION_NONE &&
           (setting->scope == SCOPE_SERVICE) == (reader->section == SECTION_SERVICE);
}

/* The setting meant by a wrong key: one of this section if possible. */
static const struct setting *nearest_setting(const struct reader *reader, const char *key)
{
    const char *here[SETTINGS_MAX + 1] = {0};
    const char *elsewhere[SETTINGS_MAX + 1] = {0};
    size_t count, here_count = 0, elsewhere_count = 0;
    const struct setting *all = settings(&count);
    const char *nearest;

    for (size_t i = 0; i < count; i++) {
        if (belongs_here(reader, &all[i]))
            here[here_count++] = all[i].name;
        else
            elsewhere[elsewhere_count++] = all[i].name;
    }
    nearest = text_nearest(key, here);
    if (nearest == NULL)
        nearest = text_nearest(key, elsewhere);
    return nearest == NULL ? NULL : setting_find(nearest);
}

static void complain_key(struct reader *reader, const char *key)
{
    const struct setting *nearest = nearest_setting(reader, key);
    char found[EXCERPT_SIZE];

    fault_excerpt(key, found);
    if (nearest == NULL)
        COMPLAIN(reader, "no setting is called '%s'", found);
    else if (belongs_here(reader, nearest))
        COMPLAIN(reader, "no setting is called '%s': did you mean %s?", found, nearest->name);
    else
        COMPLAIN(reader, "no setting is called '%s': did you mean %s, which belongs in %s?", found,
                 nearest->name, setting_sections(nearest));
}

static void read_setting(struct reader *reader, const struct setting *setting, const char *text)
{
    size_t count;
    size_t index = (size_t)(setting - settings(&count));
    struct given *given = reader->given;

    if (given->lines[index] != 0)
        COMPLAIN(reader, "%s was already given at line %d", setting->name, given->lines[index]);
    else
        given->lines[index] = reader->line;
    if (*text == '\0') {
        COMPLAIN(reader, "%s has no value: leave the line out or comment it", setting->name);
        given->wrong[index] = true;
    } else if (!config_read_value(setting, text, reader->line, reader->target, reader->faults)) {
        given->wrong[index] = true;
    }
}

/* `text` is neither empty nor a section. */
static void read_pair(struct reader *reader, char *text)
{
    char *equals = strchr(text, '=');
    const struct setting *setting;
    char *key;

    if (equals == NULL) {
        char found[EXCERPT_SIZE];

        fault_excerpt(text, found);
        COMPLAIN(reader, "a line must be 'key = value' or '[section]', not '%s'", found);
        return;
    }
    if (reader->section == SECTION_UNKNOWN)
        return;
    *equals = '\0';
    key = text_trim(text);
    setting = setting_find(key);
    if (*key == '\0')
        COMPLAIN(reader, "there is no key before '='");
    else if (setting == NULL)
        complain_key(reader, key);
    else if (!belongs_here(reader, setting))
        COMPLAIN(reader, "%s belongs in %s, not %s", key, setting_sections(setting),
                 section_places[reader->section]);
    else
        read_setting(reader, setting, text_trim(equals + 1));
}

/* The offset of a control character (of ASCII, or C1 in UTF-8), or `length`: they would act on a terminal. */
static size_t find_control(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)line[i];

        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return i;
        if (c == 0xC2 && i + 1 < length && ((unsigned char)line[i + 1] & 0xE0) == 0x80)
            return i + 1;
    }
    return length;
}

/* A line without its end; false when it cannot be text. */
static bool check_line(struct reader *reader, const char *line, size_t length)
{
    size_t control;

    if (length > CONFIG_LINE_MAX) {
        COMPLAIN(reader, "a line must be at most %d bytes long, not %zu", CONFIG_LINE_MAX, length);
        return false;
    }
    control = find_control(line, length);
    if (control < length) {
        COMPLAIN(reader, "a line must be text, not hold the control character 0x%02x at byte %zu",
                 (unsigned char)line[control], control + 1);
        return false;
    }
    if (!text_is_utf8(line, length)) {
        COMPLAIN(reader, "a line must be text in UTF-8, this one is not");
        return false;
    }
    return true;
}

static void read_line(struct reader *reader, const char *bytes, size_t length)
{
    char line[CONFIG_LINE_MAX + 1];
    char *text;

    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    if (!check_line(reader, bytes, length)) {
        if (length > 0 && bytes[0] == '[') /* what follows is not of the section before */
            reader->section = SECTION_UNKNOWN;
        return;
    }
    memcpy(line, bytes, length);
    line[length] = '\0';
    cut_comment(line);
    text = text_trim(line);
    if (*text == '[')
        read_section(reader, text);
    else if (*text != '\0')
        read_pair(reader, text);
}

void config_read_text(const char *text, size_t length, struct draft *draft, struct fault_log *faults)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    struct reader reader = {.draft = draft, .faults = faults};
    size_t at = 0;

    if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        fault_add(faults, 1, "the file must not begin with a byte order mark: save it as plain UTF-8");
        at = 3;
    }
    while (at < length && !faults->full) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t size = end == NULL ? length - at : (size_t)(end - (text + at));

        reader.line++;
        read_line(&reader, text + at, size);
        at += size + 1;
    }
    draft->last_line = reader.line > 0 ? reader.line : 1;
}
