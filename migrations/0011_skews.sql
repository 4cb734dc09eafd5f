-- How full a stream of the policy `adaptive` was when its fullest shard refused records all the same.  bears: part of the
-- capacity, earlier: what that was until then, both 0 for nothing known; refused: part of the records; demand: in shards'
-- worth, of so much capacity; hot: more shards refused hardly less, so a key is hot, and they are not tried for hot_days.
CREATE TABLE skews (
    stream   TEXT    PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 128),
    bears    REAL    NOT NULL CHECK (bears >= 0),
    earlier  REAL    NOT NULL CHECK (earlier >= 0),
    refused  REAL    NOT NULL CHECK (refused BETWEEN 0 AND 1),
    demand   REAL    NOT NULL CHECK (demand > 0),
    capacity REAL    NOT NULL CHECK (capacity > 0),
    seen_ms  INTEGER NOT NULL,
    hot_days INTEGER NOT NULL CHECK (hot_days BETWEEN 0 AND 8),
    hot      INTEGER NOT NULL CHECK (hot IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX skews_by_time ON skews (seen_ms);
