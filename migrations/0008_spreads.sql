-- How the load of a stream lies over its hash keys, by the metrics of its shards, for the policy `adaptive` at shard level.
-- cells: 32 bytes each, in the order of the keys: where it starts (16 bytes, big-endian), its part of the load and the part
-- of what it was cut out of (floats, little-endian), how often it kept that, whether it is only guessed at, and 6 bytes of 0.
CREATE TABLE spreads (
    stream  TEXT    PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 128),
    read_ms INTEGER NOT NULL,
    cells   BLOB    NOT NULL CHECK (length(cells) % 32 = 0)
) STRICT;
CREATE INDEX spreads_by_time ON spreads (read_ms);
