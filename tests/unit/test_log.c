/* The log: one event is one line, whatever is in it. */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>

/* What `write_lines` sent to stderr; the caller frees. */
static char *logged(void (*write_lines)(void))
{
    SCOPED(free_text) char *path = must_printf("%s/log", temporary_directory());
    int kept = dup(STDERR_FILENO);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    ck_assert_int_ge(file, 0);
    dup2(file, STDERR_FILENO);
    log_set_timestamps(false);
    write_lines();
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(file);
    return read_text(path);
}

static void write_plain(void)
{
    LOG(LOG_INFO, "step-accepted", {"stream", "orders"}, {"rule", .number = 30}, {"left", .number = -1});
    LOG(LOG_WARN, "look-failed", {"kind", "throttled"});
    LOG(LOG_ERROR, "config-refused", {"file", "streams.conf"});
}

START_TEST(a_line_has_level_event_and_fields)
{
    SCOPED(free_text) char *text = logged(write_plain);

    ck_assert_str_eq(text, "info  step-accepted stream=orders rule=30 left=-1\n"
                           "warn  look-failed kind=throttled\n"
                           "error config-refused file=streams.conf\n");
}
END_TEST

static const struct {
    const char *value;
    const char *written;
} values[] = {
    {"plain", "plain"},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"say \"no\"", "\"say \\\"no\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"x\nerror fake stream=y", "\"x\\nerror fake stream=y\""},
    {"x\r\ny\tz", "\"x\\r\\ny\\tz\""},
    {"\x1b[31mred\x7f\x01", "\"\\x1b[31mred\\x7f\\x01\""},
    {"na\xC3\xAFve", "na\xC3\xAFve"},
    {"\xE2\x82\xAC", "\xE2\x82\xAC"},
    {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
    {"\xC2\x9B[31m", "\"\\xc2\\x9b[31m\""},
    {"\xC2\xA0", "\xC2\xA0"},
    {"bad\xFF\xC3", "\"bad\\xff\\xc3\""},
    {"\xED\xA0\x80", "\"\\xed\\xa0\\x80\""},
};

static int row;

static void write_value(void)
{
    LOG(LOG_INFO, "event", {"key", values[row].value}, {"next", .number = 1});
}

START_TEST(values_are_quoted_and_escaped_when_they_must_be)
{
    SCOPED(free_text) char *text = NULL;
    SCOPED(free_text) char *wanted = must_printf("info  event key=%s next=1\n", values[_i].written);

    row = _i;
    text = logged(write_value);
    ck_assert_str_eq(text, wanted);
}
END_TEST

static void write_every_byte(void)
{
    char text[2] = {0};

    for (int byte = 1; byte < 256; byte++) {
        text[0] = (char)byte;
        LOG(LOG_INFO, "byte", {"value", text});
    }
}

START_TEST(no_byte_can_begin_a_line_or_leave_ascii_behind)
{
    SCOPED(free_text) char *text = logged(write_every_byte);
    char *cursor = text;
    char *line;
    int lines = 0;

    for (size_t i = 0; text[i] != '\0'; i++)
        ck_assert(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7F));
    while ((line = strsep(&cursor, "\n")) != NULL && *line != '\0') {
        ck_assert_msg(text_starts_with(line, "info  byte value="), "%s", line);
        lines++;
    }
    ck_assert_int_eq(lines, 255);
}
END_TEST

static void write_long_value(void)
{
    char text[4096] = {0};

    memset(text, 'x', 1500);
    LOG(LOG_INFO, "long", {"value", text}, {"next", .number = 1});
    memcpy(text + 1023, "\xC3\xA9", 2); /* the 1024th byte is half a character */
    LOG(LOG_INFO, "half", {"value", text}, {"next", .number = 1});
}

START_TEST(a_value_is_cut_at_its_ceiling)
{
    SCOPED(free_text) char *text = logged(write_long_value);
    SCOPED(free_text) char *xs = must_calloc(1025, 1);
    SCOPED(free_text) char *wanted = NULL;

    memset(xs, 'x', 1024);
    wanted = must_printf("info  long value=%s next=1\ninfo  half value=%.1023s next=1\n", xs, xs);
    ck_assert_str_eq(text, wanted);
}
END_TEST

static void write_very_long_line(void)
{
    struct log_field fields[200] = {{0}};
    char text[1025] = {0};

    memset(text, 1, 1024);
    for (size_t i = 0; i < COUNT_OF(fields) - 1; i++)
        fields[i] = (struct log_field){"key", .text = text};
    log_event(LOG_INFO, "huge", fields);
}

START_TEST(a_line_has_a_ceiling_and_still_ends)
{
    SCOPED(free_text) char *text = logged(write_very_long_line);
    size_t length = strlen(text);

    ck_assert_uint_le(length, 64 * 1024 + 1);
    ck_assert_uint_ge(length, 60 * 1024);
    ck_assert_ptr_eq(strchr(text, '\n'), text + length - 1);
}
END_TEST

static void write_at_all_levels(void)
{
    for (int lowest = LOG_DEBUG; lowest <= LOG_ERROR; lowest++) {
        log_set_level((enum log_level)lowest);
        for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
            LOG((enum log_level)level, "event", {"lowest", .number = lowest});
    }
}

START_TEST(lines_below_the_level_are_dropped)
{
    SCOPED(free_text) char *text = logged(write_at_all_levels);

    ck_assert_str_eq(
        text, "debug event lowest=0\ninfo  event lowest=0\nwarn  event lowest=0\nerror event lowest=0\n"
              "info  event lowest=1\nwarn  event lowest=1\nerror event lowest=1\n"
              "warn  event lowest=2\nerror event lowest=2\n"
              "error event lowest=3\n");
}
END_TEST

static void write_debug(void)
{
    LOG(LOG_DEBUG, "event", {"key", "value"});
}

START_TEST(debug_is_off_at_first)
{
    SCOPED(free_text) char *text = logged(write_debug);

    ck_assert_str_eq(text, "");
}
END_TEST

static void write_with_time(void)
{
    log_set_timestamps(true);
    LOG(LOG_INFO, "event", {"key", "value"});
}

START_TEST(a_line_begins_with_the_time_when_it_is_wanted)
{
    SCOPED(free_text) char *text = logged(write_with_time);
    char date[DATE_SIZE] = {0};
    int64_t ms;

    ck_assert_uint_gt(strlen(text), 25);
    memcpy(date, text, 24);
    ck_assert(date_parse(date, &ms));
    ck_assert_str_eq(text + 24, " info  event key=value\n");
}
END_TEST

static void write_and_look_at_errno(void)
{
    errno = ENOSPC;
    LOG(LOG_INFO, "event", {"key", "value"});
    ck_assert_int_eq(errno, ENOSPC);
    errno = EBADF;
    LOG(LOG_DEBUG, "event", {"key", "value"});
    ck_assert_int_eq(errno, EBADF);
}

START_TEST(logging_leaves_errno_alone)
{
    SCOPED(free_text) char *text = logged(write_and_look_at_errno);

    ck_assert_str_eq(text, "info  event key=value\n");
}
END_TEST

enum { THREADS = 4, LINES_EACH = 200 };

static void *write_many(void *value)
{
    for (int i = 0; i < LINES_EACH; i++)
        LOG(LOG_INFO, "line", {"value", value});
    return NULL;
}

static void write_from_threads(void)
{
    static char value[901];
    pthread_t threads[THREADS];

    memset(value, 'x', sizeof(value) - 1);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, value), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    SCOPED(free_text) char *text = logged(write_from_threads);
    char *cursor = text;
    char *line;
    int lines = 0;

    while ((line = strsep(&cursor, "\n")) != NULL && *line != '\0') {
        ck_assert(text_starts_with(line, "info  line value=xxx"));
        ck_assert_uint_eq(strlen(line), strlen("info  line value=") + 900);
        lines++;
    }
    ck_assert_int_eq(lines, THREADS * LINES_EACH);
}
END_TEST

/* ---- readers that do not read; false: this machine has none of them */

static bool make_pipe(int ends[2])
{
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    return true;
}

static bool make_terminal(int ends[2])
{
    struct termios raw;

    ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[0] < 0 &&
        (errno == ENOENT || errno == ENODEV)) /* a chroot without /dev/pts, or with an empty one */
        return false;
    ck_assert_int_ge(ends[0], 0);
    ck_assert_int_eq(grantpt(ends[0]) | unlockpt(ends[0]), 0);
    ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(ends[1], 0);
    ck_assert_int_eq(tcgetattr(ends[1], &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(ends[1], TCSANOW, &raw), 0);
    return true;
}

static bool make_socket(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    return true;
}

static bool (*const readers[])(int ends[2]) = {make_pipe, make_terminal, make_socket};

enum { MANY = 5000 }; /* lines, more than any of them holds */

static void write_to_the_full(void)
{
    for (int i = 0; i < MANY; i++)
        LOG(LOG_INFO, "event", {"number", .number = i}, {"text", "to make the line longer than it was"});
}

/* Says it again and again: what is missing is told with the next line that goes through. */
static void *say_the_end(void *heard)
{
    while (!atomic_load((atomic_bool *)heard)) {
        LOG(LOG_INFO, "the-end", {"lines", .number = MANY});
        clock_sleep_ms(clock_system(), 10);
    }
    return NULL;
}

/* What there is to read now, until the line with `end` in it. */
static char *read_until(int reader, const char *end)
{
    struct buffer text;
    char piece[4096];

    buffer_init(&text, 64 << 20);
    while (strstr(buffer_text(&text), end) == NULL) {
        ssize_t got = read(reader, piece, sizeof(piece));

        ck_assert_int_gt(got, 0);
        ck_assert_int_eq(buffer_add(&text, piece, (size_t)got, &(struct error){0}), 0);
    }
    return buffer_take(&text);
}

/* Every line is whole, but for the one in which the reader stalled; those that are missing are counted there. */
START_TEST(who_does_not_read_costs_lines_and_no_time)
{
    SCOPED(free_text) char *text = NULL;
    int ends[2], kept = dup(STDERR_FILENO), expected = 0, number;
    atomic_bool heard = false;
    char *cursor, *line;
    pthread_t sayer;

    if (!readers[_i](ends)) {
        printf("skipped: who_does_not_read_costs_lines_and_no_time: no terminal here\n");
        return;
    }
    dup2(ends[1], STDERR_FILENO);
    log_set_timestamps(false);
    log_never_wait();
    write_to_the_full(); /* would never return */
    ck_assert_uint_gt(log_lines_lost(), 0);
    ck_assert_int_eq(pthread_create(&sayer, NULL, say_the_end, &heard), 0);
    text = read_until(ends[0], "the-end");
    atomic_store(&heard, true);
    ck_assert_int_eq(pthread_join(sayer, NULL), 0);
    dup2(kept, STDERR_FILENO);
    for (cursor = text; (line = strsep(&cursor, "\n")) != NULL && !text_starts_with(line, "info  the-end");) {
        if (sscanf(line, "warn  log-lines-lost count=%d", &number) == 1)
            expected += number;
        else if (text_ends_with(line, "was\"") && sscanf(line, "info  event number=%d", &number) == 1)
            ck_assert_int_eq(number, expected++);
    }
    ck_assert_int_ge(expected, MANY); /* some of the ends may be missing, too */
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_add_test(tcase, a_line_has_level_event_and_fields);
    tcase_add_loop_test(tcase, values_are_quoted_and_escaped_when_they_must_be, 0, (int)COUNT_OF(values));
    tcase_add_test(tcase, no_byte_can_begin_a_line_or_leave_ascii_behind);
    tcase_add_test(tcase, a_value_is_cut_at_its_ceiling);
    tcase_add_test(tcase, a_line_has_a_ceiling_and_still_ends);
    tcase_add_test(tcase, lines_below_the_level_are_dropped);
    tcase_add_test(tcase, debug_is_off_at_first);
    tcase_add_test(tcase, a_line_begins_with_the_time_when_it_is_wanted);
    tcase_add_test(tcase, logging_leaves_errno_alone);
    tcase_add_test(tcase, lines_of_several_threads_do_not_mix);
    tcase_add_loop_test(tcase, who_does_not_read_costs_lines_and_no_time, 0, COUNT_OF(readers));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
