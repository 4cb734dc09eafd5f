/*
 * wire_shapes_common.h - how the tables of shapes are written, and the shapes they share.
 */
#ifndef SIM_WIRE_SHAPES_COMMON_H
#define SIM_WIRE_SHAPES_COMMON_H

#include "wire_shapes.h"

#define BETWEEN(least, most) .has_minimum = true, .minimum = (least), .has_maximum = true, .maximum = (most)
#define AT_MOST(most) .has_maximum = true, .maximum = (most)
#define STRUCTURE(...)                                      \
    {                                                       \
        SHAPE_STRUCTURE, .members = (const struct member[]) \
        {                                                   \
            __VA_ARGS__,                                    \
            {                                               \
                NULL                                        \
            }                                               \
        }                                                   \
    }

extern const struct shape shape_text, shape_boolean, shape_timestamp, shape_double, shape_integer,
    shape_positive, shape_tags;

#endif
