/*
 * owner.c - a name for this process that no other one ever has, and whether the owner of a name is dead.
 *
 * A lock is a lease and ends by itself; but after a crash and restart on the same host there is no reason to
 * wait for that.  A process is the same one only if it started at the same time.
 */
#include "daemon/owner.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <errno.h>
#include <signal.h>

/* Field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)); 0 when there is no such process, or it is hidden. */
static int64_t start_time(int64_t pid)
{
    SCOPED(free_text) char *stat = NULL;
    struct error err = {0};
    char path[64];
    char *cursor, *field = NULL;
    int64_t ticks = 0;

    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    if (file_read(path, 4096, &stat, NULL, &err) < 0)
        return 0;
    cursor = strrchr(stat, ')'); /* the name before it may hold anything */
    if (cursor == NULL || cursor[1] == '\0')
        return 0;
    cursor += 2;
    for (int i = 3; i <= 22; i++)
        field = text_split(&cursor, ' ');
    return field != NULL && number_parse(field, 0, INT64_MAX, &ticks) ? ticks : 0;
}

static void without_colons(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ':')
            *text = '-';
    }
}

/* Two containers may share a host name and a database; their process numbers mean different things. */
static void place_make(char *place, size_t size)
{
    char host[64] = "", pid_namespace[64] = "";

    (void)gethostname(host, sizeof(host) - 1);
    if (readlink("/proc/self/ns/pid", pid_namespace, sizeof(pid_namespace) - 1) < 0)
        pid_namespace[0] = '\0';
    without_colons(host);
    without_colons(pid_namespace);
    snprintf(place, size, "%.32s:%.24s:", host, pid_namespace);
}

void owner_make(char owner[OWNER_SIZE])
{
    char place[64];

    place_make(place, sizeof(place));
    snprintf(owner, OWNER_SIZE, "%s%d:%lld", place, (int)getpid(), (long long)start_time(getpid()));
}

bool owner_is_dead(const char *owner)
{
    char place[64], text[OWNER_SIZE];
    char *cursor = text, *pid_text, *start_text;
    int64_t pid, started, running;

    place_make(place, sizeof(place));
    if (!text_starts_with(owner, place) || !text_copy(text, sizeof(text), owner + strlen(place)))
        return false;
    pid_text = text_split(&cursor, ':');
    start_text = text_split(&cursor, ':');
    if (pid_text == NULL || start_text == NULL || !number_parse(pid_text, 1, INT32_MAX, &pid) ||
        !number_parse(start_text, 0, INT64_MAX, &started))
        return false;
    if (kill((pid_t)pid, 0) < 0)
        return errno == ESRCH;
    /* systemd's ProtectProc= hides the processes of other services, also those of the same user. */
    running = start_time(pid);
    return running != 0 && running != started;
}

bool owner_other_has_lock(struct store *store, const struct stream_state *state, const char *owner,
                          int64_t now_ms)
{
    struct error err = {0};

    if (state->lock_owner[0] == '\0' || state->lock_until_ms <= now_ms ||
        text_equal(state->lock_owner, owner))
        return false;
    if (!owner_is_dead(state->lock_owner))
        return true;
    LOG(LOG_WARN, "lock-opened", {"stream", state->stream}, {"owner", state->lock_owner},
        {"why", "the process that held it is no more"});
    return store_lock_release(store, state->stream, state->lock_owner, 0, &err) < 0;
}
