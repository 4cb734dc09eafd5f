-- Where the final shards of a scale-down begin, as decimal hash keys: fixed by its first plan, so that every
-- later turn, and a process that takes over, merges towards the same partition.
CREATE TABLE goals (
    action_id INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL CHECK (position >= 0),
    start     TEXT    NOT NULL CHECK (start <> ''),
    PRIMARY KEY (action_id, position)
) STRICT, WITHOUT ROWID;
