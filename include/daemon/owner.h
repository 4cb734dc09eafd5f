/*
 * owner.h - who holds a lock, and does it still live?
 */
#ifndef DAEMON_OWNER_H
#define DAEMON_OWNER_H

#include "store/streams.h"

/* "host:pid namespace:pid:start time" of this process */
void owner_make(char owner[OWNER_SIZE]);
/* A process of this host (and pid namespace) that is no more.  False for what cannot be known from here. */
bool owner_is_dead(const char *owner);
/* Is the stream locked by somebody other than `owner`?  The lock of a dead process is opened, and logged. */
bool owner_other_has_lock(struct store *store, const struct stream_state *state, const char *owner,
                          int64_t now_ms);

#endif
