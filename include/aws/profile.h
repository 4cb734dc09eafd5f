/*
 * profile.h - the profiles in ~/.aws/config and ~/.aws/credentials.
 *
 * Read as the AWS CLI reads them: sections, keys without regard to case, '=' or ':', lines of comment
 * with '#' or ';', the last of two equal keys counts.  A line indented deeper than the key above it
 * belongs to that key (nested settings, "s3 =") and is passed over.
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum profile_file_kind {
    PROFILE_CONFIG,      /* "[default]", "[profile x]"; other sections are passed over */
    PROFILE_CREDENTIALS, /* "[x]" */
};

/* Wiped when freed: it may hold keys. */
struct profile_file;

/* `name` is for messages, which never quote the file.  ERROR_CONFIG with the line. */
int profile_file_parse(const char *text, size_t length, enum profile_file_kind kind, const char *name,
                       struct profile_file **ret_file, struct error *err);
void profile_file_free(struct profile_file *file);

/* Below, a NULL file has no profiles. */
bool profile_file_has(const struct profile_file *file, const char *profile);
/* NULL when there is no such key or it is empty. */
const char *profile_file_value(const struct profile_file *file, const char *profile, const char *key);

/* Where it is, there or not: AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE, else below HOME/.aws.  The caller frees;
 * NULL when neither the variable nor HOME is set. */
char *profiles_path(const char *(*get_env)(const char *name), enum profile_file_kind kind);

/* Both files; either may be NULL, when there is none. */
struct profiles {
    struct profile_file *config;
    struct profile_file *credentials;
};

/* ERROR_CONFIG. */
int profiles_read(const char *(*get_env)(const char *name), struct profiles *ret_profiles, struct error *err);
void profiles_clear(struct profiles *profiles);
bool profiles_has(const struct profiles *profiles, const char *profile);
/* The credentials file is asked first. */
const char *profiles_value(const struct profiles *profiles, const char *profile, const char *key);

#endif
