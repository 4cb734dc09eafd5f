/*
 * look.c - what the daemon and the kernel tell of the daemon.
 */
#include "bed.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"

#include <curl/curl.h>
#include <string.h>

static size_t collect(char *bytes, size_t size, size_t count, void *buffer)
{
    struct error err = {0};

    return buffer_add(buffer, bytes, size * count, &err) < 0 ? 0 : size * count;
}

bool bed_metrics(const struct bed *bed, struct buffer *metrics)
{
    CURL *curl = curl_easy_init();
    char url[64];
    bool heard;

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/metrics", bed_admin_port(bed));
    buffer_init(metrics, 64 << 20);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, metrics);
    heard = curl_easy_perform(curl) == CURLE_OK;
    curl_easy_cleanup(curl);
    return heard;
}

/* The whole number behind `name` and blanks. */
static int64_t number_after(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    char digits[24] = "";
    int64_t number = 0;

    if (found == NULL)
        bed_fail("nothing is told of '%s'", name + 1);
    found += strlen(name);
    found += strspn(found, " \t");
    snprintf(digits, sizeof(digits), "%.*s", (int)strspn(found, "0123456789"), found);
    if (!number_parse(digits, 0, INT64_MAX, &number))
        bed_fail("'%s' is '%s'", name + 1, digits);
    return number;
}

int64_t bed_metric(const struct bed *bed, const char *name)
{
    SCOPED(buffer_clear) struct buffer metrics;
    char line[128];

    if (!bed_metrics(bed, &metrics))
        bed_fail("the daemon does not answer");
    snprintf(line, sizeof(line), "\n%s ", name);
    return number_after(buffer_text(&metrics), line);
}

double bed_mebibytes(const struct bed *bed, const char *name)
{
    SCOPED(free_text) char *status = NULL;
    struct error err = {0};
    char path[64], line[64];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)bed_daemon(bed));
    snprintf(line, sizeof(line), "\n%s:", name);
    if (file_read(path, 65536, &status, NULL, &err) < 0)
        bed_fail("%s", err.message);
    return (double)number_after(status, line) / 1024;
}
