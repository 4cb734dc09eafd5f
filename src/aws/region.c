/*
 * region.c - in which region we are, by the first who says.
 */
#include "credentials_source.h"
#include "untrusted.h"

#include "aws/endpoint.h"
#include "base/memory.h"
#include "base/text.h"

enum { PAGE_MAX = 64 * 1024 };

static int take_region(const char *region, const char *from, char *ret_region, size_t size, struct error *err)
{
    char copy[64];

    if (!text_copy(copy, sizeof(copy), region) || !aws_region_is_plausible(copy) ||
        !text_copy(ret_region, size, copy)) {
        char quoted[41];

        untrusted_quote(region, quoted, sizeof(quoted));
        return error_set(err, ERROR_CONFIG, "'%s' of %s is no region", quoted, from);
    }
    return 0;
}

static int instance_region(struct source_context *context, char *ret_region, size_t size, struct error *err)
{
    SCOPED(buffer_wipe) struct buffer body;
    struct error why;

    buffer_init(&body, PAGE_MAX);
    if (instance_metadata_get(context, "/latest/meta-data/placement/region", &body, &why) != 0)
        return error_set(err, error_is_retryable(&why) ? ERROR_TRANSIENT : ERROR_CONFIG,
                         "no region: none given, AWS_REGION is not set, profile '%s' has none, "
                         "instance metadata: %s",
                         context->profile, why.message);
    if (body.length == 0 || strlen(buffer_text(&body)) != body.length)
        return error_set(err, ERROR_CONFIG, "the instance metadata service answered with no region");
    return take_region(text_trim(body.bytes), "instance metadata", ret_region, size, err);
}

int source_region(struct source_context *context, const char *asked, char *ret_region, size_t size,
                  struct error *err)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *region;

    if (asked != NULL && *asked != '\0')
        return take_region(asked, "the settings", ret_region, size, err);
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        region = source_getenv(context, variables[i]);
        if (region != NULL)
            return take_region(region, variables[i], ret_region, size, err);
    }
    if (source_profiles(context, err) < 0)
        return -1;
    region = profiles_value(&context->profiles, context->profile, "region");
    if (region != NULL)
        return take_region(region, "the profile", ret_region, size, err);
    return instance_region(context, ret_region, size, err);
}

int aws_region(const struct credentials_options *options, struct transport *transport, const char *asked,
               char *ret_region, size_t size, struct error *err)
{
    SCOPED(source_context_clear) struct source_context context;

    source_context_init(&context, options, transport, NULL);
    return source_region(&context, asked, ret_region, size, err);
}
