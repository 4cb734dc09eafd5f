/*
 * pause.c - an operator wants a stream left alone for a while, or until further notice.
 *
 * Nothing is begun while a pause lasts: no action, no repair of thresholds, no merge.  Alarms are kept, and when it
 * ends they are asked how they stand.
 */
#include "turn.h"

#include "base/date.h"

bool pause_holds(const struct stream_state *state, int64_t now_ms, char *reason, size_t size)
{
    char until[DATE_SIZE];

    if (now_ms >= state->paused_until_ms)
        return false;
    date_format_seconds(state->paused_until_ms, until);
    snprintf(reason, size, "the stream is paused until %s",
             state->paused_until_ms == INT64_MAX ? "it is resumed" : until);
    return true;
}

int pause_rest(struct turn *turn, const char *reason, struct error *err)
{
    unsigned found = DUE_SCALE_DOWN | DUE_SCALE_DOWN_FORCED;

    /* What a pass found will not be true any more; the next pass looks again. */
    if (turn->state.due_reasons & DUE_SCALE_DOWN)
        record_decision(turn, "hold", reason, NULL, NULL);
    turn->next_ms = turn->state.paused_until_ms;
    turn->next_reasons = turn->state.due_reasons & ~found;
    return triage_defer(turn, reason, err);
}
