/*
 * operations.c - resharding calls, one after the other, for people and for programs.
 */
#include "parts.h"

void operations_print(const struct operation *operations, size_t count, FILE *file)
{
    static const char *const headings[] = {
        "#", "OPERATION", "SHARD", "WITH", "NEW STARTING HASH KEY", "SHARDS AFTER", NULL};
    struct table table = {.headings = headings, .right_aligned = 0x31};

    for (size_t i = 0; i < count; i++) {
        char key[HASHKEY_TEXT_SIZE] = "";

        if (operations[i].kind == OPERATION_SPLIT)
            hashkey_format(operations[i].new_start, key);
        table_add(&table, "%zu", i + 1);
        table_add(&table, "%s", operation_kind_name(operations[i].kind));
        table_add(&table, "%s", operations[i].shard);
        table_add(&table, "%s", operations[i].adjacent);
        table_add(&table, "%s", key);
        table_add(&table, "%lld", (long long)operations[i].target);
    }
    if (count > 0)
        table_print(&table, file);
    table_clear(&table);
}

static cJSON *operation_object(const struct operation *operation)
{
    cJSON *object = cJSON_CreateObject();
    char key[HASHKEY_TEXT_SIZE];

    (void)cJSON_AddStringToObject(object, "operation", operation_kind_name(operation->kind));
    if (operation->kind != OPERATION_UPDATE)
        (void)cJSON_AddStringToObject(object, "shard", operation->shard);
    if (operation->kind == OPERATION_MERGE)
        (void)cJSON_AddStringToObject(object, "adjacent_shard", operation->adjacent);
    if (operation->kind == OPERATION_SPLIT) {
        hashkey_format(operation->new_start, key);
        (void)cJSON_AddStringToObject(object, "new_starting_hash_key", key);
    }
    (void)cJSON_AddNumberToObject(object, "shards_after", (double)operation->target);
    return object;
}

cJSON *operations_json(const struct operation *operations, size_t count)
{
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(array, operation_object(&operations[i]));
    return array;
}
