/*
 * drive.h - takes turns for some streams until their actions are over.
 *
 * Internal to cli/.
 */
#ifndef CLI_DRIVE_H
#define CLI_DRIVE_H

#include "engine/engine.h"
#include "store/actions.h"
#include "store/streams.h"

struct drive_options {
    struct engine *engine;
    struct store *store;
    struct clock *clock;
    const char *owner; /* the engine's */
    FILE *out;         /* where it is told */
    /* Per stream: the last action that is not ours to show; NULL: what does not run. */
    const int64_t *last_ids;
};

/*
 * On a terminal a bar per stream, else a line per event.  A stream whose turns fail again and again is left to the
 * daemon or the next pass.  *ret_failed: that, or an action ended short of what was wanted.
 */
int drive_until_over(const struct drive_options *options, const char *const *streams, size_t count,
                     bool *ret_failed, struct error *err);

#endif
