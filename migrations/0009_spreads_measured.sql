-- When the metrics of shards last told something; they are asked for (read_ms) also while they tell nothing.
ALTER TABLE spreads ADD COLUMN measured_ms INTEGER NOT NULL DEFAULT 0;
UPDATE spreads SET measured_ms = read_ms;
