-- Splits as they were found, with what the children carried (in shards' worth; NULL while nobody knows).  Hash keys
-- are decimal.  Shards are named once in the life of a stream, so a split is known by its parent.
CREATE TABLE splits (
    stream     TEXT    NOT NULL CHECK (length(stream) BETWEEN 1 AND 128),
    parent     TEXT    NOT NULL CHECK (parent <> ''),
    first_key  TEXT    NOT NULL,
    last_key   TEXT    NOT NULL,
    upper_key  TEXT    NOT NULL,  -- where the upper child starts
    lower_load REAL,
    upper_load REAL,
    at_ms      INTEGER NOT NULL,  -- when it was found
    seen_ms    INTEGER NOT NULL,  -- when its loads were last measured, else when it was found
    PRIMARY KEY (stream, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX splits_by_time ON splits (seen_ms);

-- The key that no split divides, as the last plan found it: its shard ('' for none), where it hashes to, and when.
ALTER TABLE streams ADD COLUMN hot_shard TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN hot_start TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN hot_end TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN hot_ms INTEGER NOT NULL DEFAULT 0;
