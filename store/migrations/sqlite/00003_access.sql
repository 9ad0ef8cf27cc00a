-- Members with roles, invitations, scoped tokens, quotas, secrets, registries, the audit log and remembered answers.

-- +goose Up
ALTER TABLE accounts ADD COLUMN operator INTEGER NOT NULL DEFAULT 0; -- its admins look after the server
ALTER TABLE accounts ADD COLUMN quota TEXT NOT NULL DEFAULT '{}'; -- JSON
UPDATE accounts SET operator = 1 WHERE id = (SELECT MIN(id) FROM accounts);

CREATE TABLE members (
    id       TEXT    NOT NULL PRIMARY KEY,
    account  TEXT    NOT NULL REFERENCES accounts (id),
    name     TEXT    NOT NULL,
    role     TEXT    NOT NULL,
    projects TEXT    NOT NULL, -- JSON: ids, null for all
    created  INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;

-- Whoever had a token or a key before there were members is the account's first one.
INSERT INTO members (id, account, name, role, projects, created)
    SELECT 'mem_' || SUBSTR(id, 5), id, 'admin', 'admin', 'null', created FROM accounts;

CREATE TABLE invitations (
    id       TEXT    NOT NULL PRIMARY KEY,
    account  TEXT    NOT NULL REFERENCES accounts (id),
    name     TEXT    NOT NULL,
    role     TEXT    NOT NULL,
    projects TEXT    NOT NULL, -- JSON
    invited_by TEXT  NOT NULL,
    hash     TEXT    NOT NULL UNIQUE, -- SHA-256 of the secret, hexadecimal
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;

CREATE TABLE member_tokens (
    id        TEXT    NOT NULL PRIMARY KEY,
    member    TEXT    NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    projects  TEXT    NOT NULL, -- JSON: ids, null for all of the member's
    read_only INTEGER NOT NULL,
    expires   INTEGER NOT NULL, -- 0: never
    hash      TEXT    NOT NULL UNIQUE, -- SHA-256 of the token, hexadecimal
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL -- 0: never
) STRICT;

INSERT INTO member_tokens (id, member, name, projects, read_only, expires, hash, created, last_used)
    SELECT id, 'mem_' || SUBSTR(account, 5), name, 'null', 0, 0, hash, created, last_used FROM tokens;
DROP TABLE tokens;
ALTER TABLE member_tokens RENAME TO tokens;
CREATE INDEX tokens_of_member ON tokens (member);

CREATE TABLE member_keys (
    id          TEXT    NOT NULL PRIMARY KEY,
    member      TEXT    NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    public      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL UNIQUE,
    created     INTEGER NOT NULL
) STRICT;

INSERT INTO member_keys (id, member, name, public, fingerprint, created)
    SELECT id, 'mem_' || SUBSTR(account, 5), name, public, fingerprint, created FROM keys;
DROP TABLE keys;
ALTER TABLE member_keys RENAME TO keys;
CREATE INDEX keys_of_member ON keys (member);

-- A value is never changed: setting it again makes a new version, so that a rollback finds the old one.
CREATE TABLE secrets (
    service TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    sealed  BLOB    NOT NULL,
    set_by  TEXT    NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (service, name, version)
) STRICT;

CREATE TABLE registries (
    service  TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    host     TEXT    NOT NULL,
    username TEXT    NOT NULL,
    sealed   BLOB    NOT NULL, -- the password
    set_by   TEXT    NOT NULL,
    created  INTEGER NOT NULL,
    PRIMARY KEY (service, host)
) STRICT;

-- What was answered to requests with an Idempotency-Key, to be answered again.
CREATE TABLE answers (
    credential  TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL, -- of the request
    status      INTEGER NOT NULL, -- 0: not answered yet
    sealed      BLOB    NOT NULL, -- the body
    created     INTEGER NOT NULL,
    PRIMARY KEY (credential, key)
) STRICT;

CREATE INDEX answers_by_age ON answers (created);

CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    time       INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    member     TEXT    NOT NULL,
    credential TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    request    TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    message    TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_of_account ON audit (account, seq);

-- Whose a deployment is, so that an account's are found without reading everybody's.
ALTER TABLE deployments ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE deployments ADD COLUMN project TEXT NOT NULL DEFAULT '';
UPDATE deployments SET project = (SELECT e.project FROM services s JOIN environments e ON e.id = s.environment WHERE s.id = deployments.service);
UPDATE deployments SET account = (SELECT p.account FROM projects p WHERE p.id = deployments.project);
CREATE INDEX deployments_of_account ON deployments (account, id);

-- How many spherelets of the live deployment there should be, where that is not its own count; else 0.
ALTER TABLE services ADD COLUMN scale INTEGER NOT NULL DEFAULT 0;
