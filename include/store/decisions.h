/*
 * decisions.h - why was something done, or not: every thought with its inputs.
 */
#ifndef STORE_DECISIONS_H
#define STORE_DECISIONS_H

#include "scaling/limits.h"
#include "store/store.h"

#include <stddef.h>

struct decision {
    int64_t id;
    char stream[STREAM_NAME_SIZE];
    int64_t at_ms;
    int64_t action_id; /* 0 when it led to none */
    char verdict[24];  /* "reshard", "enough", "limited", "drop", "defer", "repair", "failed", "closed" */
    char reason[512];  /* one sentence with the numbers */
    char inputs[1024]; /* JSON: what was known */
};
struct decision_list {
    struct decision *items;
    size_t count;
};
void decision_list_clear(struct decision_list *list); /* begins zeroed */

int store_decision_add(struct store *store, const struct decision *decision, struct error *err);
/* Newest first; stream NULL for all. */
int store_decisions_recent(struct store *store, const char *stream, int limit, struct decision_list *ret_list,
                           struct error *err);

#endif
