-- Whether the run itself has sent the text: who only names a hash does not get what others have under it.
ALTER TABLE sources ADD COLUMN brought INTEGER NOT NULL DEFAULT 1;
