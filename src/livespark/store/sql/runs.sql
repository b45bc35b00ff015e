-- name: insert_run
INSERT INTO runs (
    id, key, name, mode, epoch, created, entry, cwd, python, config, state, reason, error, step, started, ended, before_lost,
    first_seq, last_seq, heard, incarnation, acknowledged, last_command, pid, host, settled, origin, retries, attempts_left,
    best
) VALUES (
    :id, :key, :name, :mode, :epoch, :created, :entry, :cwd, :python, :config, :state, '', NULL, NULL, NULL, NULL, NULL,
    1, 0, NULL, 0, 0, 0, NULL, '', 0, :origin, :retries, :retries, :best
);

-- name: insert_submit
INSERT INTO submits (run, body) SELECT number, :body FROM runs WHERE id = :id;

-- name: get_submit
SELECT submits.body FROM submits JOIN runs ON runs.number = submits.run WHERE runs.id = :id;

-- name: replace_submit
UPDATE submits SET body = :body WHERE run = :run;

-- name: id_is_taken
SELECT 1 FROM runs WHERE id = :id;

-- name: get_run
SELECT * FROM runs WHERE id = :id;

-- name: get_run_by_key
SELECT * FROM runs WHERE key = :key;

-- name: list_runs
SELECT * FROM runs WHERE created < :before ORDER BY created DESC, number DESC LIMIT :limit;

-- name: list_alive_runs
SELECT * FROM runs
WHERE created < :before AND state NOT IN ('completed', 'failed', 'stopped', 'cancelled')
ORDER BY created DESC, number DESC LIMIT :limit;

-- name: unsettled_runs
SELECT * FROM runs WHERE settled = 0 ORDER BY number;

-- name: update_run
UPDATE runs SET
    state = :state, reason = :reason, error = :error, step = :step, started = :started, ended = :ended,
    before_lost = :before_lost, first_seq = :first_seq, last_seq = :last_seq, heard = :heard, incarnation = :incarnation,
    acknowledged = :acknowledged, last_command = :last_command, pid = :pid, host = :host, settled = :settled,
    attempts_left = :attempts_left, end_asked = :end_asked, failure = :failure
WHERE number = :number;
