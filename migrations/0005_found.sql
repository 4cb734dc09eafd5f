-- Streams that were found under a pattern of streams.conf, as ListStreams named them when it was last asked.
CREATE TABLE found (
    stream TEXT PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 128)
) WITHOUT ROWID;
