/*
 * config_load.c - streams.conf from the disk: the one place in scaling/ that opens a file.
 */
#include "scaling/config.h"

#include "base/file.h"
#include "base/memory.h"

typedef int read_fn(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err);

static int load(const char *path, read_fn *read_file, struct config **ret_config, struct fault_list *faults,
                struct error *err)
{
    SCOPED(free_text) char *text = NULL;
    size_t length;

    if (read_file(path, CONFIG_SIZE_MAX, &text, &length, err) < 0) {
        err->kind = ERROR_CONFIG; /* also when there is none: the operator must name another */
        *faults = (struct fault_list){must_calloc(1, sizeof(char *)), 1};
        faults->texts[0] = must_strdup(err->message);
        return -1;
    }
    return config_parse(text, length, path, ret_config, faults, err);
}

int config_load(const char *path, struct config **ret_config, struct fault_list *faults, struct error *err)
{
    return load(path, file_read_once, ret_config, faults, err);
}

int config_load_again(const char *path, struct config **ret_config, struct fault_list *faults,
                      struct error *err)
{
    return load(path, file_read, ret_config, faults, err);
}
