/*
 * Weeks in which everything goes wrong at random (tests/support/soak.h): nothing is lost, nothing is done twice, and
 * nothing grows.  `make soak` is a month of 200 streams; without KINESCALE_SOAK it is long enough for old rows to go.
 */
#include "soak.h"
#include "support.h"

#include <sys/random.h>

/*
 * In the place of the C library's.  By the ids of messages the pages of the database split, by those its writes are
 * counted, and at a count a disk fails: with the kernel's dice no two runs of a seed would be the same.
 */
ssize_t getrandom(void *bytes, size_t count, unsigned int flags)
{
    static struct soak dice;

    (void)flags;
    for (size_t i = 0; i < count; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)soak_dice(&dice, 256);
    return (ssize_t)count;
}

START_TEST(whatever_goes_wrong_all_is_well_in_the_end_and_nothing_grows)
{
    const char *scale = getenv("KINESCALE_SOAK"); /* DAYSxSTREAMS, or DAYSxSTREAMSxSEED */
    struct soak_options options = {.streams = 8, .seed = 1};
    int days = 3;
    struct soak *soak;

    if (scale != NULL)
        ck_assert_int_ge(sscanf(scale, "%dx%zux%lu", &days, &options.streams, &options.seed), 2);
    soak = soak_new(&options);
    while (soak->day < days)
        soak_day(soak);
    soak_print(soak);
    ck_assert_msg(soak->violation_count == 0, "%zu rules were broken, the first: %s", soak->violation_count,
                  soak->violations[0]);
    soak_free(soak);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("soak");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 1800);
    tcase_add_test(tcase, whatever_goes_wrong_all_is_well_in_the_end_and_nothing_grows);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
