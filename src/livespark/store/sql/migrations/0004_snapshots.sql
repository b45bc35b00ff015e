-- Whose state a run began with (JSON of `Origin`), how often it may be started again, and what decides whether it is.
ALTER TABLE runs ADD COLUMN origin BLOB;
ALTER TABLE runs ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN attempts_left INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN end_asked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN failure TEXT NOT NULL DEFAULT '';

-- What a run has told of its snapshots; `seq` is the newest event about it, `body` the JSON of `SnapshotInfo`.
CREATE TABLE snapshots (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    step TEXT, -- may be beyond 64 bits
    label TEXT NOT NULL,
    cause TEXT NOT NULL,
    size INTEGER NOT NULL,
    time REAL NOT NULL,
    body BLOB NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
