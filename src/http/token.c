/*
 * token.c - the bearer token of a listener that is not for everybody (RFC 6750).
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "internal.h"

#include <strings.h>

enum { TOKEN_MIN = 16, TOKEN_MAX = 512 };

int token_read(const char *path, char **ret_token, struct error *err)
{
    SCOPED(free_secret_text) char *text = NULL;
    const char *token;
    size_t length;

    if (file_read_secret(path, 4 * TOKEN_MAX, &text, err) < 0) {
        err->kind = ERROR_CONFIG;
        return -1;
    }
    token = text_trim(text);
    length = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");
    if (token[length] != '\0' || length < TOKEN_MIN || length > TOKEN_MAX)
        return error_set(err, ERROR_CONFIG,
                         "'%s' must hold one token of %d to %d letters, digits and -._~+/=, and nothing else",
                         path, TOKEN_MIN, TOKEN_MAX);
    *ret_token = must_strndup(token, length);
    return 0;
}

bool token_is_in(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";

    if (authorization == NULL || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    authorization += strlen(scheme);
    return secret_equal(authorization + strspn(authorization, " "), token);
}
