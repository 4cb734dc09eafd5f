-- Until when nothing is begun on a stream; 9223372036854775807: until somebody resumes it.
ALTER TABLE streams ADD COLUMN paused_until_ms INTEGER NOT NULL DEFAULT 0 CHECK (paused_until_ms >= 0);
