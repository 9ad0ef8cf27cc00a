-- Times are microseconds since 1970, UTC. Columns of JSON hold the JSON form of the platform types.

-- +goose Up
CREATE TABLE accounts (
    id      TEXT    NOT NULL PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id      TEXT    NOT NULL PRIMARY KEY,
    account TEXT    NOT NULL REFERENCES accounts (id),
    name    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;

CREATE TABLE environments (
    id      TEXT    NOT NULL PRIMARY KEY,
    project TEXT    NOT NULL REFERENCES projects (id),
    name    TEXT    NOT NULL,
    env     TEXT    NOT NULL, -- JSON
    created INTEGER NOT NULL,
    UNIQUE (project, name)
) STRICT;

CREATE TABLE services (
    id          TEXT    NOT NULL PRIMARY KEY,
    environment TEXT    NOT NULL REFERENCES environments (id),
    name        TEXT    NOT NULL,
    host        TEXT    NOT NULL UNIQUE, -- first label of its host name under the apps domain
    type        TEXT    NOT NULL,
    config      TEXT    NOT NULL, -- JSON
    suspended   INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    UNIQUE (environment, name)
) STRICT;

CREATE TABLE deployments (
    id           TEXT    NOT NULL PRIMARY KEY,
    service      TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    status       TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    message      TEXT    NOT NULL,
    hint         TEXT    NOT NULL,
    tail         TEXT    NOT NULL, -- JSON
    triggered_by TEXT    NOT NULL, -- JSON
    source       TEXT    NOT NULL, -- JSON
    config       TEXT    NOT NULL, -- JSON
    image        TEXT    NOT NULL, -- JSON
    history      TEXT    NOT NULL, -- JSON
    url          TEXT    NOT NULL,
    created      INTEGER NOT NULL
) STRICT;

CREATE INDEX deployments_of_service ON deployments (service, id);

-- A service has at most one live deployment.
CREATE UNIQUE INDEX deployments_live ON deployments (service) WHERE status = 'live';

CREATE INDEX deployments_unsettled ON deployments (id)
    WHERE status NOT IN ('retired', 'failed', 'canceled', 'superseded');

CREATE TABLE keys (
    id          TEXT    NOT NULL PRIMARY KEY,
    account     TEXT    NOT NULL REFERENCES accounts (id),
    name        TEXT    NOT NULL,
    public      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL UNIQUE,
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id        TEXT    NOT NULL PRIMARY KEY,
    account   TEXT    NOT NULL REFERENCES accounts (id),
    name      TEXT    NOT NULL,
    hash      TEXT    NOT NULL UNIQUE, -- SHA-256 of the token, hexadecimal
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL -- 0: never
) STRICT;

-- The bus refers to records by id only: it outlives them, and may live elsewhere.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT, -- a position is never given out twice
    time       INTEGER NOT NULL,
    service    TEXT    NOT NULL,
    deployment TEXT    NOT NULL,
    spherelet  TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    message    TEXT    NOT NULL
) STRICT;

CREATE INDEX events_of_service ON events (service, seq);

CREATE INDEX events_of_deployment ON events (deployment, seq);
