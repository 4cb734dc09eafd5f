/*
 * bad_disk.h - SQLite's files as they are, but for one operation that goes wrong.
 *
 * A layer between SQLite and the system's files (sqlite3_vfs).  For tests in one thread.
 */
#ifndef TESTS_BAD_DISK_H
#define TESTS_BAD_DISK_H

#include <stdbool.h>

enum disk_fault {
    DISK_GOOD,
    DISK_FULL, /* a write finds no room */
    DISK_IO,   /* a write, or the wait for the disk at a commit, fails */
    DISK_BUSY, /* another process writes, longer than anybody waits for it */
    DISK_KILL, /* the program ends just before the operation: `kill` is called */
};

struct bad_disk {
    enum disk_fault fault;
    int at; /* the operation it strikes: 1 is the next */
    void (*kill)(void *context);
    void *context;
    bool struck;
    int busy_left_ms;
};
extern struct bad_disk bad_disk;

/* Puts the layer under every database that is opened from now on; once is enough.  Nothing goes wrong yet. */
void bad_disk_install(void);

#endif
