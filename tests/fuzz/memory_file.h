/*
 * memory_file.h - bytes as a file, for readers that take a path.
 */
#ifndef TESTS_FUZZ_MEMORY_FILE_H
#define TESTS_FUZZ_MEMORY_FILE_H

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file {
    int descriptor; /* 0: not yet made */
    char path[64];
};

/* The path of a file of these bytes, until the next call; it lives as long as the process. */
static inline const char *memory_file_write(struct memory_file *file, const uint8_t *data, size_t size)
{
    if (file->descriptor == 0) {
        file->descriptor = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->descriptor);
    }
    FUZZ_ASSERT(file->descriptor > 0 && ftruncate(file->descriptor, 0) == 0);
    FUZZ_ASSERT(pwrite(file->descriptor, data, size, 0) == (ssize_t)size);
    return file->path;
}

#endif
