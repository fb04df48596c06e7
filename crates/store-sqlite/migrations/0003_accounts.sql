-- Who may sign in, and room for secrets that change during a session.
-- Times are milliseconds since 1970 in UTC.

-- People who sign in with an e-mail address and a password. The key is a UUIDv7, so new rows go to
-- the end.
CREATE TABLE accounts (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- In lower case and NFC, which the program sees to: compared byte by byte.
    email           TEXT    NOT NULL UNIQUE,
    -- A PHC string.
    password_hash   TEXT    NOT NULL,
    -- The application's JSON object.
    metadata        TEXT    NOT NULL,
    is_disabled     INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    password_set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is kept of earlier secrets of a session, as JSON; null for one that never rotated.
ALTER TABLE sessions ADD COLUMN rotation TEXT;
