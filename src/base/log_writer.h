/*
 * log_writer.h - where the lines of the log go; private to base/.
 */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include "base/buffer.h"

#include <stdint.h>

/* Adds the line which says that so many are missing. */
typedef void missing_line_fn(uint64_t count, struct buffer *line);

/* To stderr: one line, with its end, and before it what there is to say of lines that are missing.  Thread-safe, lines
 * do not mix. */
void log_write(const struct buffer *line, missing_line_fn *missing_line);

#endif
