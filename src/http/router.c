/*
 * router.c - a method and a path against a table of routes.
 *
 * Paths come from outside: they are cut into segments first and decoded
 * afterwards, so that an encoded '/' can never make a segment of its own.
 */
#include "http/router.h"

#include "base/text.h"

#include <assert.h>

enum segment { SEGMENT_OK, SEGMENT_LONG, SEGMENT_BAD };

struct decoded {
    char text[sizeof(((struct http_parameter *)0)->value)];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte at *cursor, decoded, and the cursor behind it; -1 when '%' is not followed by two hex digits. */
static int next_byte(const char **cursor)
{
    int high, low;

    if (**cursor != '%')
        return (unsigned char)*(*cursor)++;
    high = hex_digit((*cursor)[1]);
    low = high < 0 ? -1 : hex_digit((*cursor)[2]);
    if (low < 0)
        return -1;
    *cursor += 3;
    return high * 16 + low;
}

/*
 * Decodes what *cursor points to, up to the next '/' or the end, and moves the cursor there.  Nothing is
 * decoded twice: "%252e" is the text "%2e".  Of a segment that is too long for any parameter only the
 * beginning is kept; it matches nothing.
 */
static enum segment decode_segment(const char **cursor, struct decoded *decoded)
{
    size_t length = 0;
    bool too_long = false;

    while (**cursor != '\0' && **cursor != '/') {
        int byte = next_byte(cursor);

        if (byte < 0x20 || byte == 0x7f || byte == '/')
            return SEGMENT_BAD;
        if (length + 1 < sizeof(decoded->text))
            decoded->text[length++] = (char)byte;
        else
            too_long = true;
    }
    decoded->text[length] = '\0';
    if (too_long)
        return SEGMENT_LONG;
    if (!text_is_utf8(decoded->text, length) || text_equal(decoded->text, ".") ||
        text_equal(decoded->text, ".."))
        return SEGMENT_BAD;
    return SEGMENT_OK;
}

static bool path_is_good(const char *path)
{
    const char *cursor = path;
    struct decoded decoded;

    if (*cursor != '/')
        return false;
    while (*cursor == '/') {
        cursor++;
        if (decode_segment(&cursor, &decoded) == SEGMENT_BAD)
            return false;
    }
    return true;
}

/* One segment of the pattern, without its '/': "streams" or "{name}". */
struct piece {
    const char *text;
    size_t length;
};

static struct piece next_piece(const char **pattern)
{
    struct piece piece = {*pattern, strcspn(*pattern, "/")};

    *pattern += piece.length;
    return piece;
}

static bool piece_is_parameter(struct piece piece)
{
    return piece.length > 2 && piece.text[0] == '{' && piece.text[piece.length - 1] == '}';
}

static bool take_parameter(struct piece piece, const char *value, struct http_request *request)
{
    struct http_parameter *parameter;

    if (value[0] == '\0')
        return false;
    assert(request->parameter_count < PATH_PARAMETERS_MAX);
    parameter = &request->parameters[request->parameter_count++];
    snprintf(parameter->name, sizeof(parameter->name), "%.*s", (int)piece.length - 2, piece.text + 1);
    snprintf(parameter->value, sizeof(parameter->value), "%s", value);
    return true;
}

static bool pattern_matches(const char *pattern, const char *path, struct http_request *request)
{
    request->parameter_count = 0;
    while (*pattern == '/' && *path == '/') {
        struct decoded decoded;
        struct piece piece;

        pattern++;
        path++;
        piece = next_piece(&pattern);
        if (decode_segment(&path, &decoded) != SEGMENT_OK)
            return false;
        if (piece_is_parameter(piece)) {
            if (!take_parameter(piece, decoded.text, request))
                return false;
        } else if (strlen(decoded.text) != piece.length ||
                   memcmp(decoded.text, piece.text, piece.length) != 0) {
            return false;
        }
    }
    return *pattern == '\0' && *path == '\0';
}

static bool method_matches(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

enum match router_find(const struct route *routes, size_t count, const char *method, const char *path,
                       struct http_request *request, const struct route **ret_route)
{
    enum match best = MATCH_NO_PATH;

    if (!path_is_good(path))
        return MATCH_BAD_PATH;
    for (size_t i = 0; i < count; i++) {
        if (!pattern_matches(routes[i].pattern, path, request))
            continue;
        if (method_matches(&routes[i], method)) {
            *ret_route = &routes[i];
            return MATCH_OK;
        }
        best = MATCH_NO_METHOD;
    }
    request->parameter_count = 0;
    return best;
}

static void add_method(char *text, size_t size, const char *method)
{
    size_t length = strlen(text);

    snprintf(text + length, size - length, "%s%s", length == 0 ? "" : ", ", method);
}

void router_allow(const struct route *routes, size_t count, const char *path, char *text, size_t size)
{
    struct http_request scratch = {0};

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!pattern_matches(routes[i].pattern, path, &scratch))
            continue;
        add_method(text, size, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            add_method(text, size, "HEAD");
    }
}

const char *http_request_parameter(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (strcmp(request->parameters[i].name, name) == 0)
            return request->parameters[i].value;
    }
    return NULL;
}
