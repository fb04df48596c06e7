-- The tokens of outside providers, the records of their renewal, and what was used that is good once.
-- Times are milliseconds since 1970 in UTC.

-- What is kept of a login at a provider, but for the tokens: most writes (the begin of a refresh, the
-- move of what is due) leave those alone, and are one small row. The key is a UUIDv7, so new rows go to
-- the end.
CREATE TABLE grants (
    session_id        BLOB    NOT NULL PRIMARY KEY CHECK (length(session_id) = 16),
    user_id           TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    provider_session  TEXT,
    version           INTEGER NOT NULL,
    -- 0 usable, 1 only another login helps.
    status            INTEGER NOT NULL CHECK (status BETWEEN 0 AND 1),
    access_hash       BLOB    NOT NULL CHECK (length(access_hash) = 32),
    token_type        TEXT    NOT NULL,
    -- An array of texts as JSON.
    scopes            TEXT    NOT NULL,
    obtained_at       INTEGER NOT NULL,
    access_expires_at INTEGER,
    superseded_hash   BLOB             CHECK (length(superseded_hash) = 32),
    superseded_until  INTEGER,
    rotation_count    INTEGER NOT NULL,
    retry_at          INTEGER,
    due_at            INTEGER NOT NULL,
    lease_until       INTEGER,
    lease_record      BLOB             CHECK (length(lease_record) = 16),
    CHECK ((superseded_hash IS NULL) = (superseded_until IS NULL)),
    CHECK ((lease_until IS NULL) = (lease_record IS NULL))
) STRICT, WITHOUT ROWID;

-- What the background looks at next: its pages are those of the next hour, not any.
CREATE INDEX grants_due ON grants (due_at);
-- The sessions that a provider ends by its own name for them. Written with the grant, and no more.
CREATE INDEX grants_at_provider ON grants (provider, provider_session)
    WHERE provider_session IS NOT NULL;

-- The tokens, each as the cipher made it. With a rowid, since rows of some thousand bytes would make
-- the tree of a table without one deep: the key of that is found in pages that hold four rows.
CREATE TABLE grant_tokens (
    session_id BLOB NOT NULL UNIQUE CHECK (length(session_id) = 16),
    key_id     TEXT NOT NULL,
    access     BLOB NOT NULL,
    refresh    BLOB,
    id_token   BLOB
) STRICT;

-- What is to be sealed anew, and how much there is of it.
CREATE INDEX grant_tokens_by_key ON grant_tokens (key_id, session_id);

CREATE TRIGGER grant_goes_with_its_tokens AFTER DELETE ON grants BEGIN
    DELETE FROM grant_tokens WHERE session_id = old.session_id;
END;

-- Attempts to renew tokens. The key is a UUIDv7: an attempt is completed where it was just added.
CREATE TABLE refreshes (
    id                BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    session_id        BLOB    NOT NULL CHECK (length(session_id) = 16),
    user_id           TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    reason            TEXT    NOT NULL,
    started_at        INTEGER NOT NULL,
    finished_at       INTEGER,
    outcome           TEXT    NOT NULL,
    tries             INTEGER NOT NULL,
    rotation_count    INTEGER NOT NULL,
    old_access_token  BLOB    NOT NULL CHECK (length(old_access_token) = 32),
    old_refresh_token BLOB             CHECK (length(old_refresh_token) = 32),
    new_access_token  BLOB             CHECK (length(new_access_token) = 32),
    new_refresh_token BLOB             CHECK (length(new_refresh_token) = 32),
    old_expires_at    INTEGER,
    new_expires_at    INTEGER,
    grace_ends_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refreshes_of_session ON refreshes (session_id, id);
CREATE INDEX refreshes_begun ON refreshes (started_at);

-- What was used that is good once, by its hash.
CREATE TABLE one_time_marks (
    hash        BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    -- From when on the row means nothing.
    known_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_marks_over ON one_time_marks (known_until);
