-- How much producers wanted to write, minute by minute, for the policy `adaptive`.  day: days since 1970-01-01 UTC.
-- minutes: from midnight on, a float of 4 bytes each, little-endian, in shards' worth; NaN while it is not known.
CREATE TABLE minutes (
    stream  TEXT    NOT NULL CHECK (length(stream) BETWEEN 1 AND 128),
    day     INTEGER NOT NULL,
    minutes BLOB    NOT NULL CHECK (length(minutes) BETWEEN 4 AND 5760 AND length(minutes) % 4 = 0),
    PRIMARY KEY (stream, day)
) STRICT;
CREATE INDEX minutes_by_day ON minutes (day);

-- What was learned from them, and when; not learned: they were too few, and these are the defaults.
CREATE TABLE habits (
    stream       TEXT    PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 128),
    learned_ms   INTEGER NOT NULL,
    learned      INTEGER NOT NULL CHECK (learned IN (0, 1)),
    hold_minutes INTEGER NOT NULL CHECK (hold_minutes > 0),
    line         REAL    NOT NULL CHECK (line > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX habits_by_time ON habits (learned_ms);
