/*
 * endpoint.h - where a service lives.
 *
 * AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL, then the region's own host
 * (unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is "true").  Partitions and their
 * suffixes: botocore partitions.json.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum aws_service { AWS_KINESIS, AWS_CLOUDWATCH, AWS_SNS, AWS_CLOUDFORMATION, AWS_STS, AWS_SERVICE_COUNT };

enum { ENDPOINT_SIZE = 512 };

/* "kinesis", "monitoring", "sns", "cloudformation", "sts": the name in the signature. */
const char *aws_signing_name(enum aws_service service);

/* "https://kinesis.eu-west-1.amazonaws.com", without a trailing slash.  An override must be
 * http(s)://host[:port] without path, userinfo, query or fragment: else ERROR_CONFIG.
 * ret_overridden may be NULL. */
int aws_endpoint(enum aws_service service, const char *region, const char *(*get_env)(const char *name),
                 char ret_url[ENDPOINT_SIZE], bool *ret_overridden, struct error *err);

/* Is it the name of a region: known partition pattern or at least [a-z]{2,}-[a-z-]+-[0-9]? */
bool aws_region_is_plausible(const char *region);

/* Parts of "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"; the resource may hold colons.
 * Sizes are those of the arrays; ERROR_INPUT when it is no ARN or a part is too long. */
struct arn {
    char partition[32];
    char service[32];
    char region[64];
    char account[32];
    char resource[1024];
};
int arn_parse(const char *text, struct arn *ret_arn, struct error *err);

#endif
