-- name: insert_credential
INSERT INTO credentials (digest, scope, label, created, expires, run, parent)
VALUES (:digest, :scope, :label, :created, :expires, :run, :parent)
ON CONFLICT (digest) DO NOTHING;

-- name: find_credential
SELECT digest, scope, label, created, expires, run, parent FROM credentials WHERE digest = :digest;

-- name: same_label
SELECT digest FROM credentials WHERE label = :label AND digest <> :digest;

-- name: descendants
WITH RECURSIVE family (digest) AS (
    SELECT digest FROM credentials WHERE digest = :digest
    UNION
    SELECT credentials.digest FROM credentials JOIN family ON credentials.parent = family.digest
)
SELECT digest FROM family;

-- name: drop_credential
DELETE FROM credentials WHERE digest = :digest;

-- name: drop_worker_credentials
DELETE FROM credentials WHERE run = :run;

-- name: drop_expired
DELETE FROM credentials WHERE expires <= :now;
