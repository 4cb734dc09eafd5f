/*
 * date.h - timestamps as text, and back.  UTC only.
 */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

enum { DATE_SIZE = 32 };

/* 9999-12-31T23:59:59.999Z.  Times outside 1970 to 9999 are written as the nearest one inside. */
#define DATE_MAX_MS INT64_C(253402300799999)

/* "2026-11-21T08:15:30.123Z" */
void date_format(int64_t ms, char text[DATE_SIZE]);
/* "2026-11-21T08:15:30Z" */
void date_format_seconds(int64_t ms, char text[DATE_SIZE]);
/* CloudWatch's form in alarm messages: "2026-11-21T08:15:30.123+0000" */
void date_format_offset(int64_t ms, char text[DATE_SIZE]);
/* "20261121T081530Z", as in X-Amz-Date */
void date_format_basic(int64_t ms, char text[DATE_SIZE]);
/* Any of the above; seconds with up to 9 decimals; offset Z, +HH:MM or +HHMM.
 * Impossible dates (month 13, February 30) are refused.  Years 1970 to 9999. */
bool date_parse(const char *text, int64_t *ret_ms);

#endif
