-- What is kept of a session's earlier secrets as JSON; null for one that never changed its secret.
ALTER TABLE sessions ADD COLUMN rotation TEXT;
