-- JSON is kept as BLOB: the bytes that came are the bytes that go.

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    epoch TEXT NOT NULL,
    created REAL NOT NULL,
    entry BLOB NOT NULL,
    cwd TEXT NOT NULL,
    python TEXT NOT NULL,
    config BLOB NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    error BLOB,
    step TEXT, -- may be beyond 64 bits
    started REAL,
    ended REAL,
    before_lost TEXT,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    heard REAL,
    incarnation INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    last_command INTEGER NOT NULL,
    pid INTEGER,
    host TEXT NOT NULL,
    settled INTEGER NOT NULL
);
CREATE INDEX runs_by_time ON runs (created);
CREATE INDEX runs_not_settled ON runs (number) WHERE settled = 0;

-- What was asked for, environment included; gone once the run is settled.
CREATE TABLE submits (
    run INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- `place` is the run's number * 2^40 + seq: one B-tree, in which a run's events lie side by side.
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE commands (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    command BLOB NOT NULL,
    actor TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    answered REAL,
    answer BLOB,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX commands_by_id ON commands (run, id);
CREATE INDEX commands_open ON commands (run, number) WHERE answered IS NULL;

CREATE TABLE live (
    run INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE credentials (
    digest BLOB PRIMARY KEY,
    scope INTEGER NOT NULL,
    label TEXT NOT NULL,
    created REAL NOT NULL,
    expires REAL,
    run TEXT,
    parent BLOB
) WITHOUT ROWID;
CREATE INDEX credentials_by_parent ON credentials (parent) WHERE parent IS NOT NULL;
CREATE INDEX credentials_by_run ON credentials (run) WHERE run IS NOT NULL;
