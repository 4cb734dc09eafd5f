/*
 * templates.c - the templates in cfn/, embedded at build time.
 */
#include "engine/provision.h"

/* In the order of TEMPLATES in the Makefile. */
enum { TEMPLATE_SERVICE, TEMPLATE_STREAM };

static const char *const templates[] = {
#include "templates.inc"
};

const char *provision_service_template(void)
{
    return templates[TEMPLATE_SERVICE];
}

const char *provision_stream_template(void)
{
    return templates[TEMPLATE_STREAM];
}
