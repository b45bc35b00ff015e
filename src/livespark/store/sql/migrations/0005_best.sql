-- The metric with the best values of which a run's snapshots are kept, as it was asked for; empty: none.
ALTER TABLE runs ADD COLUMN best TEXT NOT NULL DEFAULT '';
