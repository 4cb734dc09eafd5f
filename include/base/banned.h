/*
 * banned.h - calls that are too easy to get wrong.
 *
 * The compiler includes this in front of every file (-include), so that using
 * one of them is an error that says what to use instead.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#define BANNED(call, instead) call##_is_banned_use_##instead

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef strcpy
#define strcpy(...) BANNED(strcpy, snprintf)
#undef strcat
#define strcat(...) BANNED(strcat, buffer_add)
#undef strncpy
#define strncpy(...) BANNED(strncpy, text_copy)
#undef strncat
#define strncat(...) BANNED(strncat, buffer_add)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef strtok
#define strtok(...) BANNED(strtok, text_split)
#undef atoi
#define atoi(...) BANNED(atoi, number_parse)
#undef atof
#define atof(...) BANNED(atof, number_parse_double)
#undef gmtime
#define gmtime(...) BANNED(gmtime, date_format)
#undef localtime
#define localtime(...) BANNED(localtime, date_format)
#undef localtime_r
#define localtime_r(...) BANNED(localtime_r, date_format)
#undef mktime
#define mktime(...) BANNED(mktime, date_parse)
#undef ctime
#define ctime(...) BANNED(ctime, date_format)
#undef sleep
#define sleep(...) BANNED(sleep, clock_sleep_ms)
#undef usleep
#define usleep(...) BANNED(usleep, clock_sleep_ms)
#undef rand
#define rand(...) BANNED(rand, random_fraction)
#undef alloca
#define alloca(...) BANNED(alloca, must_calloc)

#endif
