/*
 * support.h - what every test needs.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <stdbool.h>

/* Runs the suite (CK_FORK, CK_RUN_CASE and CK_VERBOSITY are obeyed); the exit code of a test program. */
int run_suite(Suite *suite);

/* The folder of fetched data, "../shared/data" from the project's root, or NULL when it is not there; then
 * the caller prints "skipped: ..." and passes. */
const char *shared_data(void);

/* A new empty directory below $TMPDIR or /tmp, removed with all in it when the test's process ends; the name is
 * valid until the next call. */
const char *temporary_directory(void);

/* A streams.conf without a fault, else the test fails; config_free() it. */
struct config;
struct config *config_of(const char *text);

/* Whole file, ended with '\0', the caller frees; fails the test when it cannot be read. */
char *read_text(const char *path);
void write_text(const char *path, const char *text);

#endif
