#include "sim_stacks.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "sim_wire.h"
#include "support.h"

#include <ctype.h>
#include <string.h>

enum { TEXT_MAX = 65536, LINES_MAX = 1000 };

static int64_t second;

void stacks_begin(void)
{
    make_sim();
    second = 0;
}

void stacks_pass(int64_t seconds)
{
    second += seconds;
    sim_advance(sim, START_MS + second * 1000);
}

static void add_encoded(struct buffer *body, const char *text)
{
    struct error err;

    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text))
            (void)buffer_add(body, text, 1, &err);
        else
            (void)buffer_printf(body, &err, "%%%02X", (unsigned char)*text);
    }
}

const char *cloudformation(const char *action, const char *parameters, const char *template)
{
    SCOPED(buffer_clear) struct buffer body;
    struct error err;

    buffer_init(&body, (size_t)4 * 1024 * 1024);
    (void)buffer_printf(&body, &err, "Action=%s&Version=2010-05-15&%s", action, parameters);
    if (template != NULL) {
        (void)buffer_add_text(&body, "&TemplateBody=", &err);
        add_encoded(&body, template);
    }
    return query(buffer_text(&body));
}

/* What stands between the tags behind `at`, in `text`; where the element ends, or NULL. */
static const char *copy_element(const char *at, const char *name, char *text, size_t size)
{
    SCOPED(free_text) char *open = must_printf("<%s>", name);
    SCOPED(free_text) char *close = must_printf("</%s>", name);
    const char *begin = at == NULL ? NULL : strstr(at, open), *end;

    if (begin == NULL)
        return NULL;
    begin += strlen(open);
    end = strstr(begin, close);
    ck_assert_ptr_nonnull(end);
    snprintf(text, size, "%.*s", (int)(end - begin), begin);
    return end;
}

const char *element(const char *name)
{
    static char text[TEXT_MAX];

    if (copy_element(buffer_text(&response.body), name, text, sizeof(text)) == NULL)
        text[0] = '\0';
    return text;
}

const char *stack_status(const char *stack)
{
    SCOPED(free_text) char *parameters = must_printf("StackName=%s", stack);

    cloudformation("DescribeStacks", parameters, NULL);
    return element("StackStatus");
}

/* Newest first. */
static int read_events(const char *stack, char lines[LINES_MAX][320])
{
    int count = 0;
    char token[64] = "";

    do {
        SCOPED(free_text)
        char *parameters =
            must_printf("StackName=%s%s%s", stack, token[0] == '\0' ? "" : "&NextToken=", token);
        const char *at = cloudformation("DescribeStackEvents", parameters, NULL);
        char logical[200], status[64];

        while ((at = copy_element(at, "LogicalResourceId", logical, sizeof(logical))) != NULL) {
            at = copy_element(at, "ResourceStatus", status, sizeof(status));
            ck_assert_int_lt(count, LINES_MAX);
            snprintf(lines[count++], 320, "%s %s\n", logical, status);
        }
        snprintf(token, sizeof(token), "%s", element("NextToken"));
    } while (token[0] != '\0');
    return count;
}

int stack_event_count(const char *stack)
{
    static char lines[LINES_MAX][320];

    return read_events(stack, lines);
}

const char *stack_events(const char *stack, int since)
{
    static char lines[LINES_MAX][320], text[TEXT_MAX];
    size_t length = 0;

    text[0] = '\0';
    for (int i = read_events(stack, lines) - 1 - since; i >= 0 && length < sizeof(text); i--)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s", lines[i]);
    return text;
}

const char *stack_output(const char *stack, const char *key)
{
    static char text[4096];
    SCOPED(free_text) char *parameters = must_printf("StackName=%s", stack);
    SCOPED(free_text) char *wanted = must_printf("<OutputKey>%s</OutputKey>", key);
    const char *body = cloudformation("DescribeStacks", parameters, NULL);

    if (copy_element(strstr(body, wanted), "OutputValue", text, sizeof(text)) == NULL)
        text[0] = '\0';
    return text;
}
