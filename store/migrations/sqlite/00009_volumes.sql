-- Volumes, the services that see them, and what was in them at a time. The folders are named by the ids.

-- +goose Up
CREATE TABLE volumes (
    id          TEXT    NOT NULL PRIMARY KEY,
    environment TEXT    NOT NULL REFERENCES environments (id),
    name        TEXT    NOT NULL,
    shared      INTEGER NOT NULL,
    size        INTEGER NOT NULL, -- MB
    used        INTEGER NOT NULL, -- bytes, as last measured
    created     INTEGER NOT NULL,
    UNIQUE (environment, name)
) STRICT;

-- A volume stays when its service goes.
CREATE TABLE attachments (
    volume  TEXT    NOT NULL REFERENCES volumes (id),
    service TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    path    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (volume, service),
    UNIQUE (service, path)
) STRICT;

CREATE TABLE snapshots (
    id         TEXT    NOT NULL PRIMARY KEY,
    volume     TEXT    NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
    note       TEXT    NOT NULL,
    consistent INTEGER NOT NULL, -- nothing was written while it was taken
    bytes      INTEGER NOT NULL,
    created    INTEGER NOT NULL
) STRICT;

CREATE INDEX snapshots_of_volume ON snapshots (volume, id);
