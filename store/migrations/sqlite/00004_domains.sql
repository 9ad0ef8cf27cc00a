-- +goose Up
CREATE TABLE domains (
    id          TEXT    NOT NULL PRIMARY KEY,
    service     TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL UNIQUE, -- a domain leads to one service only
    status      TEXT    NOT NULL,
    state       TEXT    NOT NULL, -- JSON
    certificate TEXT    NOT NULL, -- JSON
    hsts        INTEGER NOT NULL, -- seconds
    created     INTEGER NOT NULL
) STRICT;

CREATE INDEX domains_of_service ON domains (service);
