-- What makes sessions trustworthy: revocations, rate limits, the audit log, and sessions held back.
-- Times are milliseconds since 1970 in UTC unless said otherwise.

-- Tokens that are refused before they expire. The key is a UUIDv7, so new rows go to the end.
CREATE TABLE revocations (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token_hash    BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- 0 session, 1 access, 2 refresh, 3 id token.
    token_type    INTEGER NOT NULL CHECK (token_type BETWEEN 0 AND 3),
    session_id    BLOB,
    user_id       TEXT,
    revoked_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    reason        TEXT    NOT NULL,
    revoked_by    TEXT    NOT NULL,
    cascaded_from BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_of_user ON revocations (user_id, id) WHERE user_id IS NOT NULL;
-- Sessions' own revocations are found by their hash: each index that a write touches at random is a
-- page more to write.
CREATE INDEX revocations_of_session ON revocations (session_id, id) WHERE token_type > 0;
CREATE INDEX revocations_over ON revocations (expires_at);

-- What is counted under the rate limits, by the hash of who under which rule.
CREATE TABLE rate_limits (
    key        BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    -- From when on the row means nothing.
    expires_at INTEGER NOT NULL,
    -- `RateState` as JSON.
    state      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX rate_limits_over ON rate_limits (expires_at);

-- How many rows there are, so that the bound on them costs nothing to check.
CREATE TABLE rate_limit_count (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    keys     INTEGER NOT NULL
) STRICT;

INSERT INTO rate_limit_count VALUES (1, 0);

CREATE TRIGGER rate_limit_begins AFTER INSERT ON rate_limits BEGIN
    UPDATE rate_limit_count SET keys = keys + 1;
END;

CREATE TRIGGER rate_limit_ends AFTER DELETE ON rate_limits BEGIN
    UPDATE rate_limit_count SET keys = keys - 1;
END;

-- The audit log: a chain of hashes. What is searched for is computed from the record itself, so there
-- is nothing beside what the hash covers that could be edited.
CREATE TABLE audit (
    sequence   INTEGER NOT NULL PRIMARY KEY,
    -- `AuditEvent` as JSON.
    event      TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    id         TEXT    AS (event ->> '$.id'),
    -- RFC 3339 in UTC with milliseconds: of one width, so it sorts as time does.
    at         TEXT    AS (event ->> '$.timestamp'),
    action     TEXT    AS (event ->> '$.action'),
    user_id    TEXT    AS (event ->> '$.user_id'),
    session_id TEXT    AS (event ->> '$.session_id')
) STRICT;

CREATE UNIQUE INDEX audit_ids ON audit (id);
-- A session's events are found among its user's, and among the few that name no user.
CREATE INDEX audit_of_user ON audit (user_id, sequence, action, at) WHERE user_id IS NOT NULL;
CREATE INDEX audit_of_session ON audit (session_id, sequence)
    WHERE user_id IS NULL AND session_id IS NOT NULL;

-- Where the kept part of the chain begins and where it ends.
CREATE TABLE audit_anchors (
    only_row      INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    base_sequence INTEGER NOT NULL,
    base_hash     BLOB    NOT NULL,
    head_sequence INTEGER NOT NULL,
    head_hash     BLOB    NOT NULL
) STRICT;

INSERT INTO audit_anchors VALUES (1, 0, zeroblob(32), 0, zeroblob(32));
