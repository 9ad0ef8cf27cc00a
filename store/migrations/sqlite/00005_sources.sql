-- +goose Up
-- Where the source of a service is, when it is not pushed here.
CREATE TABLE repositories (
    service    TEXT    NOT NULL PRIMARY KEY REFERENCES services (id) ON DELETE CASCADE,
    url        TEXT    NOT NULL,
    branch     TEXT    NOT NULL,
    credential TEXT    NOT NULL, -- its kind
    username   TEXT    NOT NULL,
    sealed     BLOB    NOT NULL, -- the credential
    poll       INTEGER NOT NULL, -- nanoseconds, 0: never
    polled     TEXT    NOT NULL, -- the commit seen last
    set_by     TEXT    NOT NULL,
    created    INTEGER NOT NULL
) STRICT;

CREATE TABLE webhooks (
    id       TEXT    NOT NULL PRIMARY KEY,
    service  TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    provider TEXT    NOT NULL,
    branch   TEXT    NOT NULL,
    tags     TEXT    NOT NULL,
    previews INTEGER NOT NULL,
    sealed   BLOB    NOT NULL, -- the secret
    set_by   TEXT    NOT NULL,
    created  INTEGER NOT NULL
) STRICT;

CREATE INDEX webhooks_of_service ON webhooks (service);

-- What webhooks have taken on: the queue of what is to be deployed, and afterwards the memory by which a delivery is told from one that is new.
CREATE TABLE deliveries (
    id         TEXT    NOT NULL PRIMARY KEY,
    webhook    TEXT    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    service    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    content    TEXT    NOT NULL, -- JSON
    accepted   INTEGER NOT NULL,
    deployment TEXT    NOT NULL,
    outcome    TEXT    NOT NULL, -- '' until it is settled
    settled    INTEGER NOT NULL,
    UNIQUE (webhook, name)
) STRICT;

CREATE INDEX deliveries_waiting ON deliveries (id) WHERE outcome = '';
