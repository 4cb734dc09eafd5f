#include "credentials_support.h"

#include "support.h"

#include "base/date.h"
#include "base/memory.h"
#include "base/text.h"

#include <sys/stat.h>

struct credentials_world world;

static bool has_header(const struct aws_request *request, const char *wanted)
{
    for (size_t i = 0; i < REQUEST_HEADERS_MAX && request->headers[i].name != NULL; i++) {
        SCOPED(free_text)
        char *header = must_printf("%s: %s", request->headers[i].name, request->headers[i].value);

        if (strcmp(header, wanted) == 0)
            return true;
    }
    return false;
}

static int send_scripted(struct transport *self, const struct aws_request *request,
                         struct aws_answer *ret_answer, struct error *err)
{
    const struct exchange *next = &world.exchanges[world.asked];

    (void)self;
    ck_assert_msg(next->method != NULL, "nobody expected %s %s", request->method, request->url);
    world.asked++;
    ck_assert_str_eq(request->method, next->method);
    ck_assert_str_eq(request->url, next->url);
    ck_assert_int_gt(request->answer_ceiling, 0);
    if (next->header != NULL)
        ck_assert_msg(has_header(request, next->header), "%s without '%s'", next->url, next->header);
    if (next->body != NULL)
        ck_assert_msg(strstr(request->body, next->body) != NULL, "'%s' without '%s'", request->body,
                      next->body);
    if (next->key != NULL)
        ck_assert_str_eq(request->credentials == NULL ? "" : request->credentials->access_key_id, next->key);
    if (next->failure != ERROR_NONE)
        return error_set(err, next->failure, "nobody there");
    *ret_answer = (struct aws_answer){.status = next->status, .retry_after_ms = -1};
    buffer_init(&ret_answer->body, request->answer_ceiling);
    return next->answer == NULL ? 0 : buffer_add_text(&ret_answer->body, next->answer, err);
}

static const char *world_getenv(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(world.environment); i++) {
        if (strcmp(world.environment[i].name, name) == 0)
            return world.environment[i].value;
    }
    return NULL;
}

void world_setenv(const char *name, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(world.environment); i++) {
        bool free_place = world.environment[i].name[0] == '\0';

        if (free_place || strcmp(world.environment[i].name, name) == 0) {
            ck_assert(text_copy(world.environment[i].name, sizeof(world.environment[i].name), name));
            ck_assert(text_copy(world.environment[i].value, sizeof(world.environment[i].value), value));
            return;
        }
    }
    ck_abort_msg("no place for %s", name);
}

void world_set_up(void)
{
    int64_t start_ms;
    char *aws;

    ck_assert(date_parse(START, &start_ms));
    world = (struct credentials_world){
        .transport = {send_scripted}, .options = {.getenv = world_getenv}, .home = temporary_directory()};
    clock_virtual_init(&world.clock, start_ms);
    aws = must_printf("%s/.aws", world.home);
    ck_assert_int_eq(mkdir(aws, 0700), 0);
    free(aws);
    world_setenv("HOME", world.home);
    world_setenv("AWS_EC2_METADATA_DISABLED", "true");
}

void world_answer(const struct exchange *exchanges)
{
    size_t count = 0;

    memset(world.exchanges, 0, sizeof(world.exchanges));
    for (; exchanges != NULL && exchanges[count].method != NULL; count++) {
        ck_assert_uint_lt(count + 1, COUNT_OF(world.exchanges));
        world.exchanges[count] = exchanges[count];
    }
    world.asked = 0;
}

void world_tear_down(void)
{
    const struct exchange *next = &world.exchanges[world.asked];

    ck_assert_msg(next->method == NULL, "%s %s was not asked for", next->method, next->url);
}

static void write_below_home(const char *name, const char *text)
{
    char *path = must_printf("%s/.aws/%s", world.home, name);

    write_text(path, text);
    free(path);
}

void world_config(const char *text)
{
    write_below_home("config", text);
}

void world_credentials(const char *text)
{
    write_below_home("credentials", text);
}

void world_get(const char *key, struct credentials *ret_credentials)
{
    struct credentials_provider *provider =
        credentials_provider_new(&world.options, &world.transport, &world.clock.clock);
    struct error err;

    ck_assert_msg(credentials_get(provider, ret_credentials, &err) == 0, "%s", err.message);
    ck_assert_str_eq(ret_credentials->access_key_id, key);
    ret_credentials->source = NULL; /* the provider's */
    credentials_provider_free(provider);
}

void check_failure(const struct error *err, enum error_kind kind, const char *saying)
{
    ck_assert_msg(err->kind == kind && strstr(err->message, saying) != NULL, "%s: '%s' without '%s'",
                  error_kind_name(err->kind), err->message, saying);
    ck_assert_msg(strstr(err->message, SECRET) == NULL && strstr(err->message, TOKEN) == NULL,
                  "a secret in '%s'", err->message);
}

void world_fail(enum error_kind kind, const char *saying)
{
    struct credentials_provider *provider =
        credentials_provider_new(&world.options, &world.transport, &world.clock.clock);
    struct credentials credentials = {0};
    struct error err = {0};

    ck_assert_msg(credentials_get(provider, &credentials, &err) < 0, "got '%s'", credentials.access_key_id);
    check_failure(&err, kind, saying);
    ck_assert_str_eq(credentials.access_key_id, "");
    credentials_provider_free(provider);
}
