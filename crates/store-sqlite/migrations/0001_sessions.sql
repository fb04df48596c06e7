-- Sessions. Times are milliseconds since 1970 in UTC, spans are milliseconds.
--
-- The key is a UUIDv7, so new rows go to the end of the tree. Without a rowid, finding a session by
-- its id is one descent.
CREATE TABLE sessions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id       TEXT    NOT NULL,
    secret_hash   BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    -- 0 open, 1 suspended; final: 2 expired, 3 revoked, 4 terminated.
    state         INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    last_activity INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    idle_timeout  INTEGER,
    remember_me   INTEGER NOT NULL,
    ended_at      INTEGER,
    end_reason    TEXT,
    -- The application's JSON object.
    metadata      TEXT    NOT NULL,
    -- What no query asks about: client and provider, as JSON with a version of its own (`row.rs`).
    details       TEXT    NOT NULL,
    -- Computed, so that no write can forget to move it.
    deadline      INTEGER NOT NULL AS (min(expires_at, ifnull(last_activity + idle_timeout, expires_at))),
    CHECK ((state >= 2) = (ended_at IS NOT NULL)),
    CHECK ((state >= 2) = (end_reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- A user's sessions, for lists, the limit and "end all".
CREATE INDEX sessions_of_user ON sessions (user_id, id) WHERE state < 2;
-- What the sweep notes as expired next, and what it forgets next.
CREATE INDEX sessions_due ON sessions (deadline) WHERE state < 2;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE state >= 2;

-- Counts, kept by the triggers below whatever statement writes, so that statistics cost the same at
-- any size. They count what is not noted as ended; what is past its deadline is subtracted when asked.
--
-- Only users with two sessions or more have a row here: most have one, and every row that a create
-- touches at random is a page more to write.
CREATE TABLE user_counts (
    user_id TEXT    NOT NULL PRIMARY KEY,
    live    INTEGER NOT NULL CHECK (live >= 2)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_counts_by_live ON user_counts (live);

CREATE TABLE totals (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    total    INTEGER NOT NULL,
    live     INTEGER NOT NULL,
    expired  INTEGER NOT NULL,
    users    INTEGER NOT NULL
) STRICT;

INSERT INTO totals VALUES (1, 0, 0, 0, 0);

CREATE TRIGGER first_session_begins AFTER INSERT ON sessions
WHEN NOT EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_of_user
                 WHERE user_id = new.user_id AND state < 2 AND id != new.id) BEGIN
    UPDATE totals SET total = total + 1, live = live + 1, users = users + 1;
END;

CREATE TRIGGER further_session_begins AFTER INSERT ON sessions
WHEN EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_of_user
             WHERE user_id = new.user_id AND state < 2 AND id != new.id) BEGIN
    UPDATE totals SET total = total + 1, live = live + 1;
    INSERT INTO user_counts (user_id, live) VALUES (new.user_id, 2)
        ON CONFLICT (user_id) DO UPDATE SET live = live + 1;
END;

CREATE TRIGGER last_session_ends AFTER UPDATE OF state ON sessions
WHEN old.state < 2 AND new.state >= 2
    AND NOT EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_of_user
                    WHERE user_id = new.user_id AND state < 2) BEGIN
    UPDATE totals SET live = live - 1, expired = expired + (new.state = 2), users = users - 1;
END;

CREATE TRIGGER one_of_several_ends AFTER UPDATE OF state ON sessions
WHEN old.state < 2 AND new.state >= 2
    AND EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_of_user
                WHERE user_id = new.user_id AND state < 2) BEGIN
    UPDATE totals SET live = live - 1, expired = expired + (new.state = 2);
    DELETE FROM user_counts WHERE user_id = new.user_id AND live = 2;
    UPDATE user_counts SET live = live - 1 WHERE user_id = new.user_id;
END;

-- Final is final, whatever statement a later version of the program comes up with.
CREATE TRIGGER session_stays_ended BEFORE UPDATE OF state ON sessions
WHEN old.state >= 2 BEGIN
    SELECT RAISE(ABORT, 'an ended session cannot change its state');
END;

CREATE TRIGGER session_is_forgotten AFTER DELETE ON sessions BEGIN
    UPDATE totals SET total = total - 1, expired = expired - (old.state = 2);
END;

-- Only what has ended may be forgotten: the counts above rely on it.
CREATE TRIGGER session_ends_first BEFORE DELETE ON sessions WHEN old.state < 2 BEGIN
    SELECT RAISE(ABORT, 'a session that has not ended cannot be forgotten');
END;
