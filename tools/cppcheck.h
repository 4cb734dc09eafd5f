/* Macros of libraries whose headers cppcheck does not read. */
#define cJSON_ArrayForEach(element, array)                                                                   \
    for (element = (array)->child; element != NULL; element = element->next)
