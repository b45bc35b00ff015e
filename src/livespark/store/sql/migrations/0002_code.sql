-- Each text once, whichever runs and paths it belongs to. `hash` is its SHA-256 in hex, `text` its UTF-8.
CREATE TABLE texts (
    hash TEXT PRIMARY KEY,
    text BLOB NOT NULL
);

-- From event `seq` on, the run executes this version of the file.
CREATE TABLE sources (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    path TEXT NOT NULL,
    hash TEXT NOT NULL,
    step TEXT, -- may be beyond 64 bits
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE INDEX sources_by_hash ON sources (run, hash);

-- Which of a run's events are reloads.
CREATE TABLE reloads (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
