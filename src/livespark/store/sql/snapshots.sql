-- name: put_snapshot
INSERT INTO snapshots (run, number, seq, step, label, cause, size, time, body)
VALUES (:run, :number, :seq, :step, :label, :cause, :size, :time, :body)
ON CONFLICT (run, number) DO UPDATE SET
    seq = excluded.seq, step = excluded.step, label = excluded.label, cause = excluded.cause, size = excluded.size,
    time = excluded.time, body = excluded.body, removed = 0;

-- name: remove_snapshot
UPDATE snapshots SET seq = :seq, removed = 1 WHERE run = :run AND number = :number;

-- name: list_snapshots
SELECT snapshots.body FROM snapshots JOIN runs ON runs.number = snapshots.run
WHERE runs.id = :id AND NOT snapshots.removed ORDER BY snapshots.number;

-- name: find_snapshot
SELECT snapshots.body, snapshots.removed FROM snapshots JOIN runs ON runs.number = snapshots.run
WHERE runs.id = :id AND snapshots.number = :number;
