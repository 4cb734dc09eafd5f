/*
 * process.h - what another program prints: no shell, a ceiling, a deadline.
 *
 * For credential_process.  Its standard input and its complaints are /dev/null; it and all it started
 * are killed when it takes too long or prints too much.
 */
#ifndef AWS_PROCESS_H
#define AWS_PROCESS_H

#include "base/buffer.h"
#include "base/error.h"

/*
 * Words as a POSIX shell would part them: blanks, 'literal', "with \" and \\", backslash; nothing else of
 * a shell.  The caller frees with process_words_free().  ERROR_CONFIG for an open quote or no word.
 */
int process_words(const char *command, char ***ret_words, struct error *err);
/* Wipes: a command may hold a password.  Accepts NULL. */
void process_words_free(char **words);

/*
 * Runs words[0], looked up in PATH, and takes its standard output into `output` (begins initialised; its
 * ceiling counts; the caller wipes it, also after an error).  ERROR_CONFIG: cannot be started; ERROR_AUTH:
 * ended with another code than 0 or by a signal, or printed too much; ERROR_TRANSIENT: took longer than
 * timeout_ms.
 */
int process_output(char *const *words, int timeout_ms, struct buffer *output, struct error *err);

#endif
