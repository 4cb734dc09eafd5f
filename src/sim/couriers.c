/*
 * couriers.c - SNS's deliveries over HTTP, as AWS makes them: 15 seconds, no redirect, its own headers.
 *
 * DESIGN  A few threads take one delivery each from the model, send it with a curl handle
 * of their own, and tell the model the status.  They sleep on `wake` while there is nothing to do;
 * taking and going to sleep happen under `lock`, so no wake-up is lost.
 */
#include "server.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { COURIER_COUNT = 4, DELIVERY_TIMEOUT_MS = 15000, HEADER_SIZE = 512, ANSWER_MAX_BYTES = 1024 * 1024 };

struct couriers {
    struct sim *sim;
    bool accept_any_certificate;
    pthread_t threads[COURIER_COUNT];
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stopping;
};

static void must_not_fail(int result)
{
    if (result != 0)
        abort();
}

/* ---- one delivery */

/* The endpoint's answer is of no interest, and of no great length. */
static size_t discard(char *bytes, size_t size, size_t count, void *context)
{
    size_t *received = context;

    (void)bytes;
    *received += size * count;
    return *received > ANSWER_MAX_BYTES ? 0 : size * count;
}

static int stop_early(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct couriers *couriers = context;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(&couriers->stopping) ? 1 : 0;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char header[HEADER_SIZE];

    if (value[0] == '\0')
        return list;
    snprintf(header, sizeof(header), "%s: %s", name, value);
    list = curl_slist_append(list, header);
    if (list == NULL)
        abort();
    return list;
}

static struct curl_slist *make_headers(const struct sim_delivery *delivery)
{
    struct curl_slist *list = NULL;

    list = add_header(list, "x-amz-sns-message-type", delivery->message_type);
    list = add_header(list, "x-amz-sns-message-id", delivery->message_id);
    list = add_header(list, "x-amz-sns-topic-arn", delivery->topic_arn);
    list = add_header(list, "x-amz-sns-subscription-arn", delivery->subscription_arn);
    return add_header(list, "Content-Type", "text/plain; charset=UTF-8");
}

/* The status, or 0 when there was no answer. */
static int send_delivery(struct couriers *couriers, CURL *curl, const struct sim_delivery *delivery)
{
    struct curl_slist *headers = make_headers(delivery);
    size_t received = 0;
    long status = 0;
    CURLcode result;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, delivery->endpoint);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)DELIVERY_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC | CURLAUTH_DIGEST);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "Amazon Simple Notification Service Agent");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, delivery->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(delivery->body));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_early);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, couriers);
    if (couriers->accept_any_certificate) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    result = curl_easy_perform(curl);
    if (result == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (result == CURLE_OK)
        LOG(status < 300 ? LOG_INFO : LOG_WARN, "sns-delivery", {"endpoint", delivery->endpoint},
            {"type", delivery->message_type}, {"message", delivery->message_id},
            {"status", .number = status});
    else
        LOG(LOG_WARN, "sns-delivery", {"endpoint", delivery->endpoint}, {"type", delivery->message_type},
            {"message", delivery->message_id}, {"error", curl_easy_strerror(result)});
    return (int)status;
}

/* ---- threads */

/* Waits for a delivery; false when it is time to stop. */
static bool next_delivery(struct couriers *couriers, struct sim_delivery *delivery)
{
    bool found = false;

    must_not_fail(pthread_mutex_lock(&couriers->lock));
    while (!atomic_load(&couriers->stopping)) {
        found = sim_take_delivery(couriers->sim, delivery);
        if (found)
            break;
        must_not_fail(pthread_cond_wait(&couriers->wake, &couriers->lock));
    }
    must_not_fail(pthread_mutex_unlock(&couriers->lock));
    return found;
}

static void *carry(void *context)
{
    struct couriers *couriers = context;
    struct sim_delivery delivery;
    CURL *curl = curl_easy_init();

    if (curl == NULL)
        abort();
    while (next_delivery(couriers, &delivery)) {
        sim_delivery_result(couriers->sim, delivery.id, send_delivery(couriers, curl, &delivery));
        sim_delivery_clear(&delivery);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

struct couriers *couriers_start(struct sim *sim, bool accept_any_certificate)
{
    struct couriers *couriers = must_calloc(1, sizeof(*couriers));

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    couriers->sim = sim;
    couriers->accept_any_certificate = accept_any_certificate;
    must_not_fail(pthread_mutex_init(&couriers->lock, NULL));
    must_not_fail(pthread_cond_init(&couriers->wake, NULL));
    for (; couriers->thread_count < COURIER_COUNT; couriers->thread_count++)
        must_not_fail(pthread_create(&couriers->threads[couriers->thread_count], NULL, carry, couriers));
    return couriers;
}

void couriers_wake(struct couriers *couriers)
{
    must_not_fail(pthread_mutex_lock(&couriers->lock));
    must_not_fail(pthread_cond_broadcast(&couriers->wake));
    must_not_fail(pthread_mutex_unlock(&couriers->lock));
}

void couriers_stop(struct couriers *couriers)
{
    if (couriers == NULL)
        return;
    atomic_store(&couriers->stopping, true);
    couriers_wake(couriers);
    for (int i = 0; i < couriers->thread_count; i++)
        must_not_fail(pthread_join(couriers->threads[i], NULL));
    must_not_fail(pthread_cond_destroy(&couriers->wake));
    must_not_fail(pthread_mutex_destroy(&couriers->lock));
    curl_global_cleanup();
    free(couriers);
}
