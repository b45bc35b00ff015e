-- name: insert_event
INSERT INTO events (place, body) VALUES (?, ?);

-- name: read_events
SELECT place, body FROM events WHERE place > :after AND place <= :last ORDER BY place LIMIT :limit;

-- name: trim_events
DELETE FROM events WHERE place > :after AND place < :first;

-- name: save_live
INSERT INTO live (run, body) SELECT number, :body FROM runs WHERE id = :id
ON CONFLICT (run) DO UPDATE SET body = excluded.body;

-- name: load_live
SELECT live.body FROM live JOIN runs ON runs.number = live.run WHERE runs.id = :id;
