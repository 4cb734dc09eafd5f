/*
 * one_answer.h - an AWS that gives the same answer to every question.
 *
 * An answer can name a next page for ever, so only the first few questions are answered.
 */
#ifndef TESTS_FUZZ_ONE_ANSWER_H
#define TESTS_FUZZ_ONE_ANSWER_H

#include "fuzz.h"

#include "aws/client.h"
#include "base/memory.h"

/* 2026-11-21T08:15:30Z, when the seeds are of. */
#define ONE_ANSWER_NOW_MS 1795248930000

struct one_answer {
    struct transport transport; /* first: a pointer to it is a struct transport */
    const uint8_t *data;
    size_t size;
    int status;
    int questions_left;
    struct virtual_clock clock;
    struct aws_client *client;
};

static int one_answer_send(struct transport *transport, const struct aws_request *request,
                           struct aws_answer *ret_answer, struct error *err)
{
    struct one_answer *one = (struct one_answer *)transport;
    struct aws_answer answer = {.status = one->status, .retry_after_ms = -1};

    FUZZ_ASSERT(request->body == NULL || strlen(request->body) == request->body_length);
    if (one->questions_left-- <= 0)
        return error_set(err, ERROR_INPUT, "asked often enough");
    buffer_init(&answer.body, one->size);
    if (buffer_add(&answer.body, one->data, one->size, err) < 0)
        return -1;
    *ret_answer = answer;
    return 0;
}

/* The way to it, with this input as the answer. */
static inline struct transport *one_answer_transport(struct one_answer *one, const uint8_t *data, size_t size,
                                                     int status)
{
    one->transport.send = one_answer_send;
    one->data = data;
    one->size = size;
    one->status = status;
    one->questions_left = status < 500 ? 6 : 2; /* what is our fault is not asked again */
    return &one->transport;
}

/* One of the statuses of a refusal, by the input's length: trying each of them every time finds no more. */
static inline int one_answer_refusal(size_t size)
{
    static const int statuses[] = {400, 403, 404, 500};

    return statuses[size % COUNT_OF(statuses)];
}

static inline const char *one_answer_keys(const char *name)
{
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return "AKIDFUZZER0000000001";
    return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "wJalrXUtnFEMI/K7MDENG+bPxRfiCYFUZZERKEY1" : NULL;
}

/* The client for this input.  It lives as long as the process. */
static inline struct aws_client *one_answer_client(struct one_answer *one, const uint8_t *data, size_t size,
                                                   int status)
{
    struct credentials_options keys = {.getenv = one_answer_keys, .region = "eu-west-1"};
    struct aws_client_options options = {.region = "eu-west-1", .getenv = one_answer_keys};
    struct error err = {0};

    options.transport = one_answer_transport(one, data, size, status);
    if (one->client == NULL) {
        clock_virtual_init(&one->clock, ONE_ANSWER_NOW_MS);
        options.clock = &one->clock.clock;
        options.credentials = credentials_provider_new(&keys, options.transport, options.clock);
        FUZZ_ASSERT(aws_client_open(&options, &one->client, &err) == 0);
    }
    return one->client;
}

#endif
