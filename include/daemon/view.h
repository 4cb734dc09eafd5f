/*
 * view.h - what the program knows, as JSON: for GET /status, GET /streams/{name} and `kinescale status`.
 */
#ifndef DAEMON_VIEW_H
#define DAEMON_VIEW_H

#include "scaling/config.h"
#include "store/notifications.h"

#include <cjson/cJSON.h>

/*
 * {"streams":[...]}: one object per configured stream, from the database alone.  The caller deletes it.
 * NULL with err set when the database fails.
 */
cJSON *view_status(struct store *store, const struct config *config, int64_t now_ms, struct error *err);
/* One stream with its last actions, their steps, its last decisions and notifications; `limit` of each.  Actions one
 * after the other that changed nothing are one row, with how many they are and when the first was.
 * ERROR_NOT_FOUND when it is not configured. */
cJSON *view_stream(struct store *store, const struct config *config, const char *stream, int64_t now_ms,
                   int limit, struct error *err);

/* With its body when that was loaded.  The caller deletes it. */
cJSON *view_notification(const struct notification *notification);

#endif
