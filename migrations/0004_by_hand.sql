-- A fourth kind of action, 3 by-hand.  SQLite cannot change a CHECK, so the table is made anew; the ids that were
-- given stay given.  Foreign keys are off while migrations run: the steps keep hanging on their actions.
CREATE TABLE actions_new (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    stream         TEXT    NOT NULL CHECK (length(stream) BETWEEN 1 AND 128),
    kind           INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
    state          INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    rule           INTEGER NOT NULL,
    owner          TEXT    NOT NULL,
    started_ms     INTEGER NOT NULL,
    ended_ms       INTEGER NOT NULL DEFAULT 0,
    from_shards    INTEGER NOT NULL CHECK (from_shards >= 0),
    to_shards      INTEGER NOT NULL CHECK (to_shards >= 0),
    goal_shards    INTEGER NOT NULL CHECK (goal_shards >= 0),
    goal_basis     INTEGER NOT NULL,
    state_since_ms INTEGER NOT NULL,
    reason         TEXT    NOT NULL,
    failure        TEXT    NOT NULL DEFAULT '',
    CHECK ((state = 5) = (ended_ms <> 0))
) STRICT;
INSERT INTO actions_new (id, stream, kind, state, rule, owner, started_ms, ended_ms, from_shards, to_shards,
                         goal_shards, goal_basis, state_since_ms, reason, failure)
    SELECT id, stream, kind, state, rule, owner, started_ms, ended_ms, from_shards, to_shards,
           goal_shards, goal_basis, state_since_ms, reason, failure FROM actions;
DELETE FROM sqlite_sequence WHERE name = 'actions_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'actions_new', seq FROM sqlite_sequence WHERE name = 'actions';
DROP TABLE actions;
ALTER TABLE actions_new RENAME TO actions;

-- What went with the table.
CREATE UNIQUE INDEX actions_running ON actions (stream) WHERE state < 5;
CREATE INDEX actions_by_stream ON actions (stream);
CREATE INDEX actions_ended ON actions (ended_ms) WHERE state = 5;
CREATE TRIGGER actions_counted AFTER INSERT ON actions BEGIN
    INSERT INTO totals VALUES ('action', NEW.kind, 0, 1)
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + 1;
    INSERT INTO totals VALUES ('running', 0, 0, 1)
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER actions_ended_counted AFTER UPDATE OF state ON actions WHEN NEW.state = 5 AND OLD.state < 5 BEGIN
    UPDATE totals SET count = count - 1 WHERE what = 'running' AND a = 0 AND b = 0;
    INSERT INTO totals VALUES ('failed', 0, 0, NEW.failure <> '')
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + excluded.count;
END;
