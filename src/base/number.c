/*
 * number.c - numbers, percentages and durations as people write them.
 *
 * The grammar is checked by hand; only what has passed goes to strtod(), which
 * is exact but lenient.  The program never calls setlocale(), so the decimal
 * point is a point.
 */
#include "base/number.h"

#include "base/memory.h"
#include "base/text.h"

#include <float.h>
#include <math.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static const char *skip_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

/* Digits with an optional fraction ("80", "80.5"); where they end, or NULL when there are none. */
static const char *skip_decimal(const char *text)
{
    const char *end = skip_digits(text);

    if (end == text)
        return NULL;
    if (*end == '.') {
        const char *fraction = end + 1;

        end = skip_digits(fraction);
        if (end == fraction)
            return NULL;
    }
    return end;
}

/* Reads digits; false when there are none or the value does not fit.  Advances *text. */
static bool read_digits(const char **text, bool negative, int64_t *ret_value)
{
    const char *at = *text;
    int64_t value = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        int digit = *at - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    if (at == *text)
        return false;
    *text = at;
    *ret_value = value;
    return true;
}

bool number_parse(const char *text, int64_t minimum, int64_t maximum, int64_t *ret_value)
{
    bool negative = *text == '-';
    int64_t value;

    text += negative;
    if (!read_digits(&text, negative, &value) || *text != '\0')
        return false;
    if (value < minimum || value > maximum)
        return false;
    *ret_value = value;
    return true;
}

bool number_parse_double(const char *text, double *ret_value)
{
    const char *end = skip_decimal(text + (*text == '-'));
    double value;

    if (end == NULL)
        return false;
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1;

        exponent += *exponent == '-' || *exponent == '+';
        end = skip_digits(exponent);
        if (end == exponent)
            return false;
    }
    if (*end != '\0')
        return false;

    value = strtod(text, NULL);
    if (!isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool number_parse_percent(const char *text, double *ret_fraction)
{
    const char *end = skip_decimal(text);
    char scaled[64];
    double fraction;

    if (end == NULL || end[0] != '%' || end[1] != '\0' || end - text > 48)
        return false;
    /* The exponent divides without a second rounding: 62.7% is exactly what 0.627 reads as. */
    snprintf(scaled, sizeof(scaled), "%.*se-2", (int)(end - text), text);
    fraction = strtod(scaled, NULL);
    if (fraction > 10)
        return false;
    *ret_fraction = fraction;
    return true;
}

bool number_parse_duration(const char *text, int64_t *ret_ms)
{
    int64_t value;

    if (!read_digits(&text, false, &value))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcmp(text, units[i].name) == 0) {
            int64_t ms;

            if (__builtin_mul_overflow(value, units[i].ms, &ms))
                return false;
            *ret_ms = ms;
            return true;
        }
    }
    return false;
}

void number_format_duration(int64_t ms, char *text, size_t size)
{
    size_t i = 0;

    if (ms == 0) {
        snprintf(text, size, "0s");
        return;
    }
    while (ms % units[i].ms != 0) /* ends at the last unit, which is 1 */
        i++;
    snprintf(text, size, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

/* Without snprintf(), which takes longer for this than all else does to make an answer. */
static void format_whole(uint64_t value, char *text, size_t size)
{
    char digits[24];
    size_t first = sizeof(digits) - 1;

    digits[first] = '\0';
    do {
        digits[--first] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    (void)text_copy(text, size, digits + first);
}

int number_shortest(double value, char digits[NUMBER_SHORTEST_SIZE])
{
    /* With so many digits all that have fewer come back, with zeros at their end; but for subnormal ones. */
    int precision = fabs(value) < DBL_MIN ? 0 : DBL_DIG - 1;
    char *exponent, *end;

    do
        snprintf(digits, NUMBER_SHORTEST_SIZE, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && precision++ < DBL_DECIMAL_DIG - 1);
    if (precision != DBL_DIG - 1)
        return precision;
    end = exponent = digits + (digits[0] == '-') + strlen("d.") + precision;
    while (end[-1] == '0' && precision > 0) {
        end--;
        precision--;
    }
    end -= precision == 0; /* the point */
    memmove(end, exponent, strlen(exponent) + 1);
    return precision;
}

void number_format_double(double value, char *text, size_t size)
{
    char digits[NUMBER_SHORTEST_SIZE];
    int precision, exponent;

    if (!isfinite(value)) {
        snprintf(text, size, "%f", value);
        return;
    }
    if (fabs(value) < 0x1p53 && value == trunc(value) && !signbit(value)) { /* most are */
        format_whole((uint64_t)value, text, size);
        return;
    }
    precision = number_shortest(value, digits);
    exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
    if (exponent < -6 || exponent > 17)
        snprintf(text, size, "%s", digits);
    else
        snprintf(text, size, "%.*f", precision > exponent ? precision - exponent : 0, value);
}

void number_format_percent(double fraction, char *text, size_t size)
{
    char digits[400];
    size_t length = (size_t)snprintf(digits, sizeof(digits), "%.6f", fraction * 100);

    if (strchr(digits, '.') != NULL) { /* there is none in "nan" and "inf" */
        while (digits[length - 1] == '0')
            length--;
        length -= digits[length - 1] == '.';
    }
    snprintf(text, size, "%.*s%%", (int)length, digits);
}
