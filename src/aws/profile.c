/*
 * profile.c - a small parser for the two files the AWS CLI keeps.
 *
 * The rule for indented lines is that of Python's configparser, because that is what the CLI uses: a section
 * whose keys are all indented alike is a section with keys, not one with continuation lines.
 */
#include "aws/profile.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>

enum { PROFILE_FILE_MAX = 1024 * 1024 };

struct entry {
    const char *profile;
    const char *key; /* NULL: the section's own line */
    const char *value;
};

struct profile_file {
    char *text; /* entries point into it */
    size_t length;
    struct entry *entries;
    size_t count, capacity;
};

struct parser {
    struct profile_file *file;
    enum profile_file_kind kind;
    const char *name;
    size_t line;
    bool in_section;
    const char *profile; /* NULL in a section that is no profile */
    bool after_key;
    size_t indent; /* of the last key or section */
};

static void add_entry(struct profile_file *file, const char *profile, const char *key, const char *value)
{
    if (file->count == file->capacity) {
        file->capacity = file->capacity == 0 ? 16 : file->capacity * 2;
        file->entries = must_realloc(file->entries, file->capacity, sizeof(*file->entries));
    }
    file->entries[file->count++] = (struct entry){profile, key, value};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char *unquoted(char *name)
{
    size_t length = strlen(name);

    if (length >= 2 && (name[0] == '"' || name[0] == '\'') && name[length - 1] == name[0]) {
        name[length - 1] = '\0';
        return name + 1;
    }
    return name;
}

/* The profile a section is about, or NULL. */
static const char *section_profile(enum profile_file_kind kind, char *section)
{
    static const char word[] = "profile";

    if (kind == PROFILE_CREDENTIALS || strcmp(section, "default") == 0)
        return section;
    if (!text_starts_with(section, word) || !is_blank(section[sizeof(word) - 1]))
        return NULL;
    return unquoted(text_trim(section + sizeof(word)));
}

static int parse_section(struct parser *parser, char *line, struct error *err)
{
    char *end = strchr(line, ']');
    char *section;

    if (end == NULL)
        return error_set(err, ERROR_CONFIG, "'%s' line %zu: the section has no ']'", parser->name,
                         parser->line);
    *end = '\0';
    section = text_trim(line + 1);
    if (*section == '\0')
        return error_set(err, ERROR_CONFIG, "'%s' line %zu: the section has no name", parser->name,
                         parser->line);

    parser->in_section = true;
    parser->after_key = false;
    parser->profile = section_profile(parser->kind, section);
    if (parser->profile != NULL)
        add_entry(parser->file, parser->profile, NULL, NULL);
    return 0;
}

/* A comment behind a value begins with a blank and '#' or ';', but not inside quotes. */
static void cut_comment(char *value)
{
    for (char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\'') {
            char *end = strchr(c + 1, *c);

            if (end == NULL)
                return;
            c = end;
        } else if ((*c == '#' || *c == ';') && c > value && is_blank(c[-1])) {
            *c = '\0';
            return;
        }
    }
}

static int parse_key(struct parser *parser, char *line, struct error *err)
{
    char *separator = strpbrk(line, "=:");
    char *key, *value;

    if (!parser->in_section)
        return error_set(err, ERROR_CONFIG, "'%s' line %zu: a key before the first section", parser->name,
                         parser->line);
    if (separator == NULL || separator == line)
        return error_set(err, ERROR_CONFIG, "'%s' line %zu: neither a section nor a key with a value",
                         parser->name, parser->line);
    *separator = '\0';
    key = text_trim(line);
    for (char *c = key; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    cut_comment(separator + 1);
    value = text_trim(separator + 1);

    parser->after_key = true;
    if (parser->profile != NULL)
        add_entry(parser->file, parser->profile, key, value);
    return 0;
}

static int parse_line(struct parser *parser, char *line, struct error *err)
{
    size_t indent = strspn(line, " \t");
    char *content = text_trim(line);

    if (*content == '\0' || *content == '#' || *content == ';')
        return 0;
    if (parser->after_key && indent > parser->indent)
        return 0;
    parser->indent = indent;
    return *content == '[' ? parse_section(parser, content, err) : parse_key(parser, content, err);
}

int profile_file_parse(const char *text, size_t length, enum profile_file_kind kind, const char *name,
                       struct profile_file **ret_file, struct error *err)
{
    struct profile_file *file = must_calloc(1, sizeof(*file));
    struct parser parser = {.file = file, .kind = kind, .name = name};
    char *line, *next;

    file->text = must_calloc(1, length + 1);
    file->length = length;
    if (length > 0)
        memcpy(file->text, text, length);
    if (memchr(file->text, '\0', length) != NULL) {
        error_set(err, ERROR_CONFIG, "'%s' is not a text file", name);
        goto fail;
    }

    for (line = file->text; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        parser.line++;
        if (parse_line(&parser, line, err) < 0)
            goto fail;
    }
    *ret_file = file;
    return 0;

fail:
    profile_file_free(file);
    return -1;
}

void profile_file_free(struct profile_file *file)
{
    if (file == NULL)
        return;
    wipe(file->text, file->length);
    free(file->text);
    free(file->entries);
    free(file);
}

bool profile_file_has(const struct profile_file *file, const char *profile)
{
    for (size_t i = 0; file != NULL && i < file->count; i++) {
        if (strcmp(file->entries[i].profile, profile) == 0)
            return true;
    }
    return false;
}

const char *profile_file_value(const struct profile_file *file, const char *profile, const char *key)
{
    for (size_t i = file == NULL ? 0 : file->count; i-- > 0;) {
        const struct entry *entry = &file->entries[i];

        if (entry->key != NULL && strcmp(entry->key, key) == 0 && strcmp(entry->profile, profile) == 0)
            return *entry->value == '\0' ? NULL : entry->value;
    }
    return NULL;
}

/* ---- both files */

static const struct {
    const char *variable;
    const char *below_home;
} places[] = {
    [PROFILE_CONFIG] = {"AWS_CONFIG_FILE", "/.aws/config"},
    [PROFILE_CREDENTIALS] = {"AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"},
};

char *profiles_path(const char *(*get_env)(const char *name), enum profile_file_kind kind)
{
    const char *below_home = places[kind].below_home;
    const char *path = get_env(places[kind].variable);
    const char *home = get_env("HOME");

    if (home != NULL && *home == '\0')
        home = NULL;
    if (path == NULL || *path == '\0')
        return home == NULL ? NULL : must_printf("%s%s", home, below_home);
    if (text_starts_with(path, "~/") && home != NULL)
        return must_printf("%s%s", home, path + 1);
    return must_strdup(path);
}

static int read_file(const char *path, enum profile_file_kind kind, struct profile_file **ret_file,
                     struct error *err)
{
    struct error reading;
    char *text;
    size_t length;
    int result;

    if (file_read(path, PROFILE_FILE_MAX, &text, &length, &reading) < 0) {
        if (reading.kind == ERROR_NOT_FOUND)
            return 0;
        *err = reading;
        return -1;
    }
    result = profile_file_parse(text, length, kind, path, ret_file, err);
    wipe(text, length);
    free(text);
    return result;
}

int profiles_read(const char *(*get_env)(const char *name), struct profiles *ret_profiles, struct error *err)
{
    struct profiles profiles = {0};

    for (enum profile_file_kind kind = 0; kind < COUNT_OF(places); kind++) {
        SCOPED(free_text) char *path = profiles_path(get_env, kind);
        struct profile_file **file = kind == PROFILE_CONFIG ? &profiles.config : &profiles.credentials;

        if (path != NULL && read_file(path, kind, file, err) < 0) {
            profiles_clear(&profiles);
            return -1;
        }
    }
    *ret_profiles = profiles;
    return 0;
}

void profiles_clear(struct profiles *profiles)
{
    profile_file_free(profiles->config);
    profile_file_free(profiles->credentials);
    *profiles = (struct profiles){0};
}

bool profiles_has(const struct profiles *profiles, const char *profile)
{
    return profile_file_has(profiles->config, profile) || profile_file_has(profiles->credentials, profile);
}

const char *profiles_value(const struct profiles *profiles, const char *profile, const char *key)
{
    const char *value = profile_file_value(profiles->credentials, profile, key);

    return value != NULL ? value : profile_file_value(profiles->config, profile, key);
}
