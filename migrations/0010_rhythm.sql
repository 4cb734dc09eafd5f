-- What a stream's habits expect of the minutes to come.  rhythm: 0 nothing, 1 as on the days before, 2 as a week before.
-- expected: the demand of consecutive minutes from expected_ms on, 4 bytes each (floats, little-endian, in shards' worth).
ALTER TABLE habits ADD COLUMN rhythm INTEGER NOT NULL DEFAULT 0 CHECK (rhythm BETWEEN 0 AND 2);
ALTER TABLE habits ADD COLUMN expected_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE habits ADD COLUMN expected BLOB NOT NULL DEFAULT x'' CHECK (length(expected) % 4 = 0);
