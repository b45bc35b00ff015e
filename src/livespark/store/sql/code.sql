-- name: insert_text
INSERT INTO texts (hash, text) VALUES (:hash, :text) ON CONFLICT (hash) DO NOTHING;

-- name: insert_source
INSERT INTO sources (run, seq, path, hash, step, brought) VALUES (:run, :seq, :path, :hash, :step, :brought);

-- name: read_sources
SELECT sources.path, sources.hash, sources.seq, sources.step, length(texts.text) AS size
FROM sources JOIN runs ON runs.number = sources.run LEFT JOIN texts ON texts.hash = sources.hash AND EXISTS (
    SELECT 1 FROM sources AS own WHERE own.run = sources.run AND own.hash = sources.hash AND own.brought
)
WHERE runs.id = :id AND sources.seq <= :seq ORDER BY sources.seq;

-- name: get_text
SELECT texts.text FROM texts WHERE texts.hash = :hash AND EXISTS (
    SELECT 1 FROM sources JOIN runs ON runs.number = sources.run
    WHERE runs.id = :id AND sources.hash = texts.hash AND sources.brought
);

-- name: insert_reload
INSERT INTO reloads (run, seq) VALUES (:run, :seq);

-- name: read_reloads
SELECT reloads.seq, events.body FROM reloads
JOIN runs ON runs.number = reloads.run JOIN events ON events.place = (reloads.run << 40) + reloads.seq
WHERE runs.id = :id AND reloads.seq > :after ORDER BY reloads.seq LIMIT :limit;
