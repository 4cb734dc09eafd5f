-- Times are Unix milliseconds.  Numbers that stand for names are the enums of include/store/ and
-- include/scaling/; their order is frozen (src/store/*.c asserts it).  Migrations are append-only.

-- When a stream is due, who works on it, until when it must rest.
CREATE TABLE streams (
    stream             TEXT    PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 128),
    due_ms             INTEGER NOT NULL DEFAULT 9223372036854775807,
    due_reasons        INTEGER NOT NULL DEFAULT 0,
    revision           INTEGER NOT NULL DEFAULT 0,  -- +1 whenever somebody makes it due
    lock_owner         TEXT    NOT NULL DEFAULT '',
    lock_until_ms      INTEGER NOT NULL DEFAULT 0,
    cooldown_until_ms  INTEGER NOT NULL DEFAULT 0,
    last_scale_up_ms   INTEGER NOT NULL DEFAULT 0,
    last_scale_down_ms INTEGER NOT NULL DEFAULT 0,
    skew_split_ms      INTEGER NOT NULL DEFAULT 0,
    failures           INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error         TEXT    NOT NULL DEFAULT '',
    last_error_ms      INTEGER NOT NULL DEFAULT 0,
    open_shards        INTEGER NOT NULL DEFAULT 0 CHECK (open_shards >= 0),
    effective_shards   REAL    NOT NULL DEFAULT 0 CHECK (effective_shards >= 0),
    seen_ms            INTEGER NOT NULL DEFAULT 0,
    CHECK ((lock_owner = '') = (lock_until_ms = 0))
) STRICT;
CREATE INDEX streams_due ON streams (due_ms, stream) WHERE due_ms < 9223372036854775807;

-- Alarms that cannot be found by metric: learned from their notifications.
CREATE TABLE learned_alarms (
    stream     TEXT    NOT NULL CHECK (length(stream) BETWEEN 1 AND 128),
    alarm_name TEXT    NOT NULL CHECK (length(alarm_name) BETWEEN 1 AND 255),
    learned_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, alarm_name)
) STRICT, WITHOUT ROWID;

-- kind: 0 scale-up, 1 scale-down, 2 repair.  state: enum action_state, 5 is DONE.
CREATE TABLE actions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    stream         TEXT    NOT NULL CHECK (length(stream) BETWEEN 1 AND 128),
    kind           INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
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
-- One action per stream at a time, whatever happens to locks.
CREATE UNIQUE INDEX actions_running ON actions (stream) WHERE state < 5;
CREATE INDEX actions_by_stream ON actions (stream);
CREATE INDEX actions_ended ON actions (ended_ms) WHERE state = 5;

-- kind: 0 split, 1 merge, 2 update.  outcome: 0 open, 1 accepted, 2 refused, 3 unheard.
-- The stream stands here again so that its updates are found without its whole history.
CREATE TABLE steps (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    action_id   INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE,
    sequence    INTEGER NOT NULL CHECK (sequence >= 1),
    stream      TEXT    NOT NULL,
    kind        INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    shard       TEXT    NOT NULL,
    adjacent    TEXT    NOT NULL,
    new_start   TEXT    NOT NULL,  -- decimal hash key of a split, else ''
    target      INTEGER NOT NULL,
    intended_ms INTEGER NOT NULL,
    ended_ms    INTEGER NOT NULL DEFAULT 0,
    active_ms   INTEGER NOT NULL DEFAULT 0,
    outcome     INTEGER NOT NULL DEFAULT 0 CHECK (outcome BETWEEN 0 AND 3),
    detail      TEXT    NOT NULL DEFAULT '',
    UNIQUE (action_id, sequence),
    CHECK ((outcome = 0) = (ended_ms = 0)),
    CHECK ((kind = 0) = (new_start <> ''))
) STRICT;
-- One call in flight per action.
CREATE UNIQUE INDEX steps_open ON steps (action_id) WHERE outcome = 0;
CREATE INDEX steps_updates ON steps (stream, intended_ms) WHERE kind = 2;

-- status: 0 pending, 1 deferred, 2 acted, 3 dropped, 4 dead.
CREATE TABLE notifications (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id  TEXT    NOT NULL UNIQUE CHECK (message_id <> ''),
    topic_arn   TEXT    NOT NULL,
    alarm_name  TEXT    NOT NULL,
    stream      TEXT    NOT NULL CHECK (length(stream) <= 128),
    shard       TEXT    NOT NULL,
    metric      TEXT    NOT NULL,
    new_state   TEXT    NOT NULL,
    changed_ms  INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    reason      TEXT    NOT NULL DEFAULT '',
    action_id   INTEGER REFERENCES actions (id) ON DELETE SET NULL,
    body        TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX notifications_open ON notifications (stream, received_ms) WHERE status IN (0, 1);
CREATE INDEX notifications_ended ON notifications (received_ms) WHERE status IN (2, 3);
CREATE INDEX notifications_by_stream ON notifications (stream, status);
CREATE INDEX notifications_of_stream ON notifications (stream);
CREATE INDEX notifications_by_status ON notifications (status);
CREATE INDEX notifications_by_action ON notifications (action_id) WHERE action_id IS NOT NULL;

CREATE TABLE decisions (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    stream    TEXT    NOT NULL CHECK (length(stream) BETWEEN 1 AND 128),
    at_ms     INTEGER NOT NULL,
    action_id INTEGER REFERENCES actions (id) ON DELETE SET NULL,
    verdict   TEXT    NOT NULL CHECK (verdict <> ''),
    reason    TEXT    NOT NULL,
    inputs    TEXT    NOT NULL
) STRICT;
CREATE INDEX decisions_by_stream ON decisions (stream);
CREATE INDEX decisions_by_time ON decisions (at_ms);
CREATE INDEX decisions_by_action ON decisions (action_id) WHERE action_id IS NOT NULL;

-- Counted as rows come and change, so that /metrics never scans a history and pruning never lowers a counter.
CREATE TABLE totals (
    what  TEXT    NOT NULL,
    a     INTEGER NOT NULL,
    b     INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (what, a, b)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER notifications_counted AFTER INSERT ON notifications BEGIN
    INSERT INTO totals VALUES ('notification', NEW.status, 0, 1)
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER notifications_recounted AFTER UPDATE OF status ON notifications WHEN NEW.status <> OLD.status BEGIN
    UPDATE totals SET count = count - 1 WHERE what = 'notification' AND a = OLD.status AND b = 0;
    INSERT INTO totals VALUES ('notification', NEW.status, 0, 1)
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + 1;
END;
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
CREATE TRIGGER steps_counted AFTER INSERT ON steps BEGIN
    INSERT INTO totals VALUES ('step', NEW.kind, NEW.outcome, 1)
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER steps_recounted AFTER UPDATE OF outcome ON steps WHEN NEW.outcome <> OLD.outcome BEGIN
    UPDATE totals SET count = count - 1 WHERE what = 'step' AND a = OLD.kind AND b = OLD.outcome;
    INSERT INTO totals VALUES ('step', NEW.kind, NEW.outcome, 1)
        ON CONFLICT (what, a, b) DO UPDATE SET count = count + 1;
END;

-- One row that /readyz writes, to know that it could.
CREATE TABLE probe (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    at_ms INTEGER NOT NULL
) STRICT;
