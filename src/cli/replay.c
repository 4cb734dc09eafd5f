/*
 * replay.c - notifications that SNS could not deliver, from a file, as if they had been posted.
 *
 * Nothing but their age is forgiven: topic, certificate and signature are checked as for POST /sns, and one that was
 * seen before changes nothing.  How the alarm stands now is asked in the stream's turn.
 *
 * Who asks wants to delete what was read: the exit code tells trouble of ours, after which nothing may be deleted, from
 * a message that is refused, for good.
 */
#include "parts.h"

#include "aws/sns_letters.h"
#include "aws/sns_message.h"
#include "base/file.h"
#include "base/memory.h"
#include "daemon/owner.h"
#include "engine/engine.h"

static const char *config_path = "streams.conf", *clock_text;

static const struct cli_option options[] = {
    {"--config", "FILE", "streams.conf", "the configuration", &config_path},
    {"--clock", "BASE@SPEED", NULL, "simulated time, as the daemon was given", &clock_text},
};

enum { REFUSED = TAKEN_REPEATED + 1, RESULT_COUNT };
static const char *const results[RESULT_COUNT] = {[TAKEN_PENDING] = "taken",
                                                  [TAKEN_IGNORED] = "ignored",
                                                  [TAKEN_REPEATED] = "seen before",
                                                  [REFUSED] = "refused"};

struct intake {
    struct sns_verifier *verifier;
    struct engine *engine;
    struct store *store;
    int counts[RESULT_COUNT];
};

/* -1 when it is not the message's fault: the same file may do later. */
static int take(struct intake *intake, size_t number, const char *body, struct error *err)
{
    struct sns_message message = {0};
    struct notification n = {0};
    enum taken taken;
    int result;

    if (sns_verify(intake->verifier, body, strlen(body), sns_type_name(SNS_NOTIFICATION), false, NULL,
                   &message, err) < 0) {
        if (err->kind != ERROR_INPUT)
            return error_wrap(err, "message %zu", number);
        cli_print(stdout, "message %zu: %s\n", number, err->message);
        intake->counts[REFUSED]++;
        return 0;
    }
    result = engine_take(intake->engine, intake->store, message.message_id, message.topic_arn,
                         message.message, &n, &taken, err);
    if (result == 0) {
        cli_print(stdout, "message %zu: %s: %s%s%s%s%s\n", number, results[taken], message.message_id,
                  n.alarm_name[0] != '\0' ? ", alarm " : "", n.alarm_name, n.reason[0] != '\0' ? ": " : "",
                  n.reason);
        intake->counts[taken]++;
    }
    sns_message_clear(&message);
    return result;
}

static int take_all(struct intake *intake, const struct sns_letters *letters, struct error *err)
{
    for (size_t i = 0; i < letters->count; i++) {
        if (take(intake, i + 1, letters->bodies[i], err) < 0)
            return -1;
    }
    for (int i = 0; i < RESULT_COUNT; i++)
        printf("%s%d %s", i > 0 ? ", " : "", intake->counts[i], results[i]);
    putchar('\n');
    return 0;
}

static int take_letters(struct config *config, struct clock *clock, const struct sns_letters *letters,
                        int *ret_refused, struct error *err)
{
    const char *topics[TOPICS_MAX];
    struct sns_verifier_options verifier = {.clock = clock, .topic_arns = topics, .kept = true};
    char owner[OWNER_SIZE];
    struct engine_options engine = {.config = config, .clock = clock, .owner = owner};
    struct intake intake = {0};
    struct transport *transport;
    int result;

    if (transport_curl_open(&transport, err) < 0)
        return -1;
    for (size_t i = 0; i < config->service.topic_count; i++)
        topics[i] = config->service.topic_arns[i];
    verifier.topic_count = config->service.topic_count;
    verifier.transport = transport;
    owner_make(owner);
    intake.verifier = sns_verifier_new(&verifier);
    intake.engine = engine_new(&engine);
    result = store_open(config->service.database, &intake.store, err);
    if (result == 0)
        result = take_all(&intake, letters, err);
    *ret_refused = intake.counts[REFUSED];
    store_close(intake.store);
    engine_free(intake.engine);
    sns_verifier_free(intake.verifier);
    transport_curl_close(transport);
    return result;
}

static int replay(struct config *config, const char *path, int *ret_refused, struct error *err)
{
    SCOPED(sns_letters_clear) struct sns_letters letters = {0};
    SCOPED(free_text) char *text = NULL;
    struct scaled_clock scaled;
    struct clock *clock;
    size_t length;

    if (cli_clock(clock_text, &scaled, &clock, err) < 0)
        return -1;
    if (file_read_once(path, SNS_LETTERS_MAX, &text, &length, err) < 0) {
        err->kind = ERROR_CONFIG; /* a file that does not exist is the wrong one to name, too */
        return -1;
    }
    if (sns_letters_read(text, length, &letters, err) < 0)
        return error_wrap(err, "nothing was taken from '%s'", path);
    return take_letters(config, clock, &letters, ret_refused, err);
}

static int run(int argc, char **argv)
{
    struct error err = {0};
    struct config *config;
    int code = EXIT_DONE, refused = 0;
    int left = cli_parse(&command_replay, options, COUNT_OF(options), argc, argv, &code);

    if (left < 0)
        return code;
    if (left != 1) {
        (void)error_set(&err, ERROR_CONFIG, "replay needs one file");
        return cli_fail(&err);
    }
    config = cli_config(config_path);
    if (config == NULL)
        return EXIT_USAGE;
    if (replay(config, argv[1], &refused, &err) < 0) {
        code = cli_fail(&err);
    } else if (refused > 0) {
        fprintf(stderr, "error: %d message%s refused\n", refused, refused == 1 ? " was" : "s were");
        code = EXIT_REFUSED;
    }
    config_free(config);
    return code;
}

const struct command command_replay = {"replay", "FILE",
                                       "Take notifications that SNS could not deliver, from a file", run};
