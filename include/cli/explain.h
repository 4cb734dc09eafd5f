/*
 * explain.h - the table of settings, for people and for programs.
 *
 * `kinescale check --explain` prints it; streams.conf and the table in
 * README.md are such prints, and tests hold them to it.
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <stdio.h>

typedef void explain_fn(FILE *file);

explain_fn explain_table;    /* for a terminal */
explain_fn explain_json;     /* an array of objects */
explain_fn explain_markdown; /* rows for README.md */
explain_fn explain_conf;     /* a configuration that parses: streams.conf */

#endif
