-- name: insert_command
INSERT INTO commands (run, number, id, command, actor, created) VALUES (:run, :number, :id, :command, :actor, :created);

-- name: get_command
SELECT number, id, command, actor, created, started, answered, answer FROM commands WHERE run = :run AND id = :id;

-- name: open_commands
SELECT number, id, command, actor, created, started, answered, answer FROM commands
WHERE run = :run AND number > :after AND answered IS NULL ORDER BY number;

-- name: start_command
UPDATE commands SET started = :time WHERE run = :run AND id = :id AND started IS NULL;

-- name: answer_command
UPDATE commands SET answered = :time, answer = :answer WHERE run = :run AND id = :id AND answered IS NULL;
