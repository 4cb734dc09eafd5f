/*
 * provisioned.h - the real provisioning against the simulated CloudFormation, in virtual time.
 */
#ifndef TESTS_PROVISIONED_H
#define TESTS_PROVISIONED_H

#include "engine/provision.h"
#include "world.h"

#define URL "https://daemon.example/sns"
#define SERVICE "[service]\nregion = us-east-1\ntopic_arn = " WORLD_TOPIC "\npublic_url = " URL "\n"
#define UNCONFIRMED                                                                                         \
    "the subscription is not confirmed: SNS asks when it is made; once the daemon runs, have it ask again " \
    "(aws sns "                                                                                             \
    "subscribe)"
#define ORDERS "[stream orders]\nmin_shards = 2\nmax_shards = 64\ndesired_shards = 4\n"
#define LONGER "alarm_period = 300s\ncooldown = 10m\n"
#define BOTH SERVICE ORDERS "[stream user_events]\ndesired_shards = 3\n"
#define BYTES "kinescale-orders-IncomingBytes"
#define RECORDS "kinescale-orders-IncomingRecords"
#define THROTTLED "kinescale-orders-WriteProvisionedThroughputExceeded"
#define ORDERS_STACK "kinescale-stream-orders"
#define SERVICE_STACK "kinescale-service-kinescale"

extern struct world *scene;
extern struct provision *provision; /* the run that is looked at */
extern struct config *config;       /* of the run that was begun last */
extern char told[64 * 1024];        /* what it told, a line a note */

/* As a checked fixture. */
void set_up(void);
void tear_down(void);
/* Of this streams.conf, for all its streams; the caller frees it, if it is not `provision`. */
struct provision *begin(const char *text, bool dry_run);
/* One turn, then the time until the next one; false when all is over. */
bool turn(struct provision *of);
/* `provision`, to its end. */
void finish(void);
/* From the beginning to the end. */
void run(const char *text);
/* NULL: of the service. */
const struct provision_row *row_of(const char *stream);
void assert_result(const char *stream, enum provision_result result);
/* Of a stack; "" when there is none. */
const char *status_of(const char *name);
/* By its name. */
bool has_alarm(const char *name);
/* Calls of the operation that were not answered 200. */
size_t count_refused(const char *operation);
/* One that nobody has carried out. */
bool has_change_set(void);
/* Calls that made, changed or deleted a stack. */
size_t deeds(void);
/* ACTIVE when it comes back. */
void make_stream_by_hand(const char *name, int shards);
/* As an operator, or the engine, would. */
void resize(int shards);
/* On `orders`, at a threshold of 77. */
void put_alarm(const char *name, const char *metric);
/* All that BOTH declares. */
void assert_made(void);

#endif
