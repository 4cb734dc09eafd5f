/*
 * xml.c - values out of the small XML answers of AWS's Query services.
 *
 * expat calls us for each element; we keep the path of the open ones and copy the text of those
 * that are wanted.  What is not wanted costs nothing but the walk.
 */
#include "aws/xml.h"

#include "base/memory.h"

#include <expat.h>
#include <limits.h>

enum { DEPTH_MAX = 32, PATH_MAX_BYTES = 1024 };

struct capture {
    const struct xml_want *want;
    const struct group *group; /* it counts only inside of one; NULL: anywhere */
    size_t length;
    int depth; /* of the element it is filled from; 0 while none was found */
    bool done;
};

/* The rows of a kind: one at a time. */
struct group {
    const struct xml_rows *rows;
    int depth; /* of the row that is open; 0: none */
};

struct reader {
    XML_Parser parser;
    char path[PATH_MAX_BYTES];  /* "ErrorResponse/Error/Code" */
    size_t ends[DEPTH_MAX + 1]; /* ends[d]: how long the path is at depth d */
    int depth;
    struct capture *captures;
    size_t count;
    struct group *groups;
    size_t group_count;
    struct error *err;
    bool failed;
};

static void refuse(struct reader *reader, const char *why)
{
    if (!reader->failed)
        (void)error_set(reader->err, ERROR_INPUT, "XML: %s", why);
    reader->failed = true;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_internal_subset)
{
    (void)name, (void)system, (void)public, (void)has_internal_subset;
    refuse(context, "a document type declaration is not allowed");
}

static bool path_ends_with(const char *path, size_t length, const char *wanted)
{
    size_t wanted_length = strlen(wanted);

    if (wanted_length > length || strcmp(path + length - wanted_length, wanted) != 0)
        return false;
    return wanted_length == length || path[length - wanted_length - 1] == '/';
}

/* A row begins: nothing of the one before may be left. */
static void open_row(struct reader *reader, struct group *group)
{
    group->depth = reader->depth;
    for (size_t i = 0; i < reader->count; i++) {
        struct capture *capture = &reader->captures[i];

        if (capture->group != group)
            continue;
        capture->length = 0;
        capture->depth = 0;
        capture->done = false;
        capture->want->value[0] = '\0';
    }
}

static void close_row(struct reader *reader, struct group *group)
{
    group->depth = 0;
    if (group->rows->take(group->rows->context, reader->err) == 0)
        return;
    reader->failed = true;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

/* An element begins whose path is known. */
static void on_path(struct reader *reader, size_t length)
{
    for (size_t i = 0; i < reader->group_count; i++) {
        struct group *group = &reader->groups[i];

        if (group->depth == 0 && path_ends_with(reader->path, length, group->rows->element))
            open_row(reader, group);
    }
    for (size_t i = 0; i < reader->count; i++) {
        struct capture *capture = &reader->captures[i];

        if (capture->depth == 0 && (capture->group == NULL || capture->group->depth > 0) &&
            path_ends_with(reader->path, length, capture->want->path))
            capture->depth = reader->depth;
    }
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = context;
    const char *colon = strrchr(name, ':');
    const char *local = colon != NULL ? colon + 1 : name;
    size_t length = reader->ends[reader->depth];
    int wrote;

    (void)attributes;
    if (reader->failed)
        return;
    if (reader->depth == DEPTH_MAX) {
        refuse(reader, "nested too deep");
        return;
    }
    wrote =
        snprintf(reader->path + length, sizeof(reader->path) - length, "%s%s", length > 0 ? "/" : "", local);
    if (wrote < 0 || (size_t)wrote >= sizeof(reader->path) - length) {
        refuse(reader, "names of elements are too long");
        return;
    }
    reader->ends[++reader->depth] = length + (size_t)wrote;
    on_path(reader, length + (size_t)wrote);
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reader *reader = context;

    (void)name;
    if (reader->failed)
        return;
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->captures[i].depth == reader->depth)
            reader->captures[i].done = true;
    }
    for (size_t i = 0; i < reader->group_count && !reader->failed; i++) {
        if (reader->groups[i].depth == reader->depth)
            close_row(reader, &reader->groups[i]);
    }
    reader->depth--;
    reader->path[reader->ends[reader->depth]] = '\0';
}

/* At most `size` bytes of UTF-8, as whole characters. */
static size_t cut_length(const char *text, size_t size)
{
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int length)
{
    struct reader *reader = context;

    for (size_t i = 0; i < reader->count && !reader->failed; i++) {
        struct capture *capture = &reader->captures[i];
        size_t taken = (size_t)length, room;

        if (capture->done || capture->depth != reader->depth)
            continue;
        room = capture->want->size - capture->length;
        if (taken >= room && !capture->want->cut) {
            refuse(reader, "a value is too long");
            return;
        }
        if (taken >= room)
            taken = cut_length(text, room - 1);
        memcpy(capture->want->value + capture->length, text, taken);
        capture->length += taken;
        capture->want->value[capture->length] = '\0';
    }
}

static int parse(struct reader *reader, const char *text, size_t length)
{
    long at;

    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    if (XML_Parse(reader->parser, text, (int)length, XML_TRUE) == XML_STATUS_OK && !reader->failed)
        return 0;
    if (reader->failed) /* the reason is told already */
        return -1;
    at = (long)XML_GetCurrentByteIndex(reader->parser);
    return error_set(reader->err, ERROR_INPUT, "XML: %s at byte %ld",
                     XML_ErrorString(XML_GetErrorCode(reader->parser)),
                     at < 0 ? 0 : at); /* of an empty document some releases of expat say -1 */
}

static void capture_all(struct reader *reader, const struct group *group, const struct xml_want *wants,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reader->captures[reader->count++] = (struct capture){.want = &wants[i], .group = group};
        wants[i].value[0] = '\0';
    }
}

int xml_read_rows(const char *text, size_t length, const struct xml_want *wants, size_t count,
                  const struct xml_rows *rows, size_t row_count, struct error *err)
{
    struct reader reader = {.group_count = row_count, .err = err};
    size_t all = count;
    int result;

    if (length > INT_MAX)
        return error_set(err, ERROR_INPUT, "XML: %zu bytes are too many", length);
    for (size_t i = 0; i < row_count; i++)
        all += rows[i].count;
    reader.parser = XML_ParserCreate(NULL);
    if (reader.parser == NULL)
        abort(); /* no memory, see base/memory.h */
    reader.captures = must_calloc(all > 0 ? all : 1, sizeof(*reader.captures));
    reader.groups = must_calloc(row_count > 0 ? row_count : 1, sizeof(*reader.groups));
    capture_all(&reader, NULL, wants, count);
    for (size_t i = 0; i < row_count; i++) {
        reader.groups[i].rows = &rows[i];
        capture_all(&reader, &reader.groups[i], rows[i].wants, rows[i].count);
    }
    result = parse(&reader, text, length);
    for (size_t i = 0; result < 0 && i < count; i++)
        wants[i].value[0] = '\0'; /* half an answer is none */
    XML_ParserFree(reader.parser);
    free(reader.captures);
    free(reader.groups);
    return result;
}

int xml_read(const char *text, size_t length, const struct xml_want *wants, size_t count, struct error *err)
{
    return xml_read_rows(text, length, wants, count, NULL, 0, err);
}
