-- How full a stream of the policy `adaptive` was when its fullest shard refused records all the same.  bears: part of the
-- capacity; refused: part of the records; hot: half as full it refused as much, so a key is hot.
CREATE TABLE skews (
    stream  TEXT    PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 128),
    bears   REAL    NOT NULL CHECK (bears > 0),
    refused REAL    NOT NULL CHECK (refused BETWEEN 0 AND 1),
    seen_ms INTEGER NOT NULL,
    hot     INTEGER NOT NULL CHECK (hot IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX skews_by_time ON skews (seen_ms);
