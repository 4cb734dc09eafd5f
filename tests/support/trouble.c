#include "trouble.h"

#include "base/memory.h"

#define SAYS(type, message) "{\"__type\":\"" type "\",\"message\":\"" message "\"}"
#define LIMIT(message) SAYS("LimitExceededException", message)

/* A call is tried four times before it is given up: what passes by itself must last that long to be felt. */
const struct trouble_kind trouble_kinds[] = {
    {"no connection", false, 0, NULL, 0, 4},
    {"the connection breaks after AWS has done it", true, 0, NULL, 0, 4},
    {"a timeout", true, 0, NULL, 20000, 1},
    {"500", false, 500, SAYS("InternalFailure", "oops"), 0, 4},
    {"503", false, 503, SAYS("ServiceUnavailable", "later"), 0, 4},
    {"500 after AWS has done it", true, 500, "", 0, 4},
    {"too fast", false, 400, SAYS("ThrottlingException", "Rate exceeded"), 0, 4},
    {"an expired token", false, 400, SAYS("ExpiredTokenException", "The security token is expired"), 0, 1},
    {"an answer cut short", true, 200, "{\"Sha", 0, 4},
    {"garbage", true, 200, "<html>\377\376 out of order", 0, 4},
    {"in use", false, 400,
     SAYS("ResourceInUseException", "Stream orders not ACTIVE, instead in state UPDATING"), 0, 1},
    {"limit: too fast for the stream", false, 400,
     LIMIT("Rate exceeded for stream orders under account 000000000000."), 0, 4},
    {"limit: too many at once", false, 400,
     LIMIT("The number of streams that can simultaneously be in CREATING or DELETING state is limited to 5."),
     0, 4},
    {"limit: shards of the account", false, 400,
     LIMIT("This request would exceed the shard limit for the account 000000000000 in us-east-1. Current "
           "shard count "
           "for the account: 500. Limit: 500. Number of additional shards that would have resulted from this "
           "request: 1."),
     0, 1, true},
    {"limit: of UpdateShardCount", false, 400,
     LIMIT("UpdateShardCount cannot scale up over double your current open shard count."), 0, 1, true},
    {"limit: ten calls of UpdateShardCount a day", false, 400,
     LIMIT(
         "UpdateShardCount cannot be called more than 10 times in a rolling 24-hour period for stream orders "
         "under account 000000000000."),
     0, 1, true},
};
const int trouble_kind_count = (int)COUNT_OF(trouble_kinds);

const struct trouble_kind *trouble_due(struct trouble *troubles, int count, int request)
{
    for (int i = 0; i < count; i++) {
        if (request >= troubles[i].at && troubles[i].struck < troubles[i].kind->times) {
            troubles[i].struck++;
            return troubles[i].kind;
        }
    }
    return NULL;
}

int trouble_answer(const struct trouble_kind *kind, struct aws_answer *ret_answer, struct error *err)
{
    if (kind->status == 0)
        return error_set(err, ERROR_TRANSIENT, "%s", kind->name);
    *ret_answer = (struct aws_answer){.status = kind->status, .retry_after_ms = -1};
    buffer_init(&ret_answer->body, 4096);
    return buffer_add_text(&ret_answer->body, kind->body, err);
}
