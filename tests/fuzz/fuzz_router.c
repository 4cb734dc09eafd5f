/*
 * A method and a path from outside: the first byte chooses the method, the rest is the path.
 */
#include "fuzz.h"

#include "base/memory.h"
#include "http/router.h"

static void handle(void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    (void)response;
}

static const struct route routes[] = {
    {"GET", "/", 0, handle},
    {"GET", "/streams", 0, handle},
    {"GET", "/streams/{name}", 0, handle},
    {"POST", "/streams/{name}/pause", 0, handle},
    {"GET", "/{a}/{b}/{c}/{d}", 0, handle},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
    SCOPED(free_text) char *path = NULL;
    struct http_request request = {0};
    const struct route *route = NULL;
    enum match match;
    char allow[64];

    if (size == 0)
        return 0;
    path = must_strndup((const char *)data + 1, size - 1);
    match =
        router_find(routes, COUNT_OF(routes), methods[data[0] % COUNT_OF(methods)], path, &request, &route);
    router_allow(routes, COUNT_OF(routes), path, allow, sizeof(allow));
    FUZZ_ASSERT((match == MATCH_OK) == (route != NULL));
    FUZZ_ASSERT(match != MATCH_NO_METHOD || allow[0] != '\0');
    for (size_t i = 0; i < request.parameter_count; i++) {
        const char *value = request.parameters[i].value;

        FUZZ_ASSERT(match == MATCH_OK && value[0] != '\0' && strchr(value, '/') == NULL &&
                    strcmp(value, "..") != 0);
        for (; *value != '\0'; value++)
            FUZZ_ASSERT((unsigned char)*value >= 0x20 && *value != 0x7f);
    }
    return 0;
}
