/* Owners of locks: a process that lives is never taken for dead. */
#include "base/memory.h"
#include "base/text.h"
#include "daemon/owner.h"
#include "support.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { NOBODY = 65534 };

/* A process that waits to be killed, and the name it has as an owner. */
static pid_t start_owner(char owner[OWNER_SIZE])
{
    int channel[2];
    pid_t pid;

    ck_assert_int_eq(pipe(channel), 0);
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_DUMPABLE, 0); /* as the program does */
        owner_make(owner);
        (void)!write(channel[1], owner, OWNER_SIZE);
        for (;;)
            (void)pause();
    }
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(read(channel[0], owner, OWNER_SIZE), OWNER_SIZE);
    (void)close(channel[0]);
    (void)close(channel[1]);
    return pid;
}

static void end_owner(pid_t pid)
{
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(an_owner_is_dead_when_its_process_has_ended_and_not_before)
{
    char owner[OWNER_SIZE];
    pid_t pid = start_owner(owner);

    ck_assert(!owner_is_dead(owner));
    end_owner(pid);
    ck_assert(owner_is_dead(owner));
}
END_TEST

START_TEST(a_process_number_that_was_given_again_is_another_owner)
{
    char owner[OWNER_SIZE];
    pid_t pid = start_owner(owner);
    char *started = strrchr(owner, ':') + 1;

    started[strlen(started) - 1] ^= 1; /* another digit: "0" and "1", "2" and "3"... */
    ck_assert(owner_is_dead(owner));
    end_owner(pid);
}
END_TEST

/* What cannot be known from here lives. */
static const char *const unknown[] = {"", "elsewhere:pid-1:17:4711", "kinescale", "::::"};

START_TEST(an_owner_of_another_place_is_not_dead)
{
    ck_assert(!owner_is_dead(unknown[_i]));
}
END_TEST

/* Root only: a /proc as two services have it under systemd's ProtectProc=invisible. */
static bool hide_processes(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("proc", "/proc", "proc", 0, "hidepid=invisible") == 0 && setgid(NOBODY) == 0 &&
           setuid(NOBODY) == 0;
}

START_TEST(an_owner_that_is_hidden_from_us_is_not_dead)
{
    char owner[OWNER_SIZE], path[64];
    pid_t pid;

    if (!hide_processes()) {
        printf("skipped: only root can make a /proc that hides processes\n");
        return;
    }
    pid = start_owner(owner);
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    ck_assert_int_lt(access(path, F_OK), 0); /* hidden indeed */
    ck_assert(!owner_is_dead(owner));
    end_owner(pid);
    ck_assert(owner_is_dead(owner));
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("owner");
    TCase *tcase = tcase_create("owner");

    tcase_add_test(tcase, an_owner_is_dead_when_its_process_has_ended_and_not_before);
    tcase_add_test(tcase, a_process_number_that_was_given_again_is_another_owner);
    tcase_add_loop_test(tcase, an_owner_of_another_place_is_not_dead, 0, COUNT_OF(unknown));
    tcase_add_test(tcase, an_owner_that_is_hidden_from_us_is_not_dead);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
