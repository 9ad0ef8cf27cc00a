-- +goose Up
ALTER TABLE repositories ADD COLUMN provider TEXT NOT NULL DEFAULT ''; -- who keeps it, where its host does not say
ALTER TABLE repositories ADD COLUMN watch TEXT NOT NULL DEFAULT '[]'; -- JSON: patterns of the files that count
ALTER TABLE repositories ADD COLUMN lfs INTEGER NOT NULL DEFAULT 0; -- whether Git LFS files are fetched
ALTER TABLE repositories ADD COLUMN muted TEXT NOT NULL DEFAULT ''; -- why nothing is reported to its host any more

ALTER TABLE webhooks ADD COLUMN watch TEXT NOT NULL DEFAULT '[]'; -- as that of repositories
ALTER TABLE webhooks ADD COLUMN keep INTEGER NOT NULL DEFAULT 0; -- of previews without a commit, nanoseconds; 0: as long as csphd is configured to

-- Services that are previews of pull requests.
CREATE TABLE previews (
    service TEXT    NOT NULL PRIMARY KEY REFERENCES services (id) ON DELETE CASCADE,
    parent  TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    touched INTEGER NOT NULL, -- when its last commit came
    expires INTEGER NOT NULL
) STRICT;

CREATE INDEX previews_expiring ON previews (expires);

-- What the hosts of repositories are still to be told: the newest state of each subject.
CREATE TABLE reports (
    subject TEXT    NOT NULL PRIMARY KEY,
    service TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE, -- whose repository and credential
    content TEXT    NOT NULL, -- JSON
    version INTEGER NOT NULL, -- grows with the content
    due     INTEGER NOT NULL  -- 0: told
) STRICT;

CREATE INDEX reports_due ON reports (due) WHERE due > 0;

-- How far on the bus its readers have got that must miss nothing.
CREATE TABLE cursors (
    reader TEXT    NOT NULL PRIMARY KEY,
    seq    INTEGER NOT NULL
) STRICT;

CREATE TABLE schedules (
    id      TEXT    NOT NULL PRIMARY KEY,
    service TEXT    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    content TEXT    NOT NULL, -- JSON
    next    INTEGER NOT NULL, -- the first planned time that is not claimed; 0: never
    created INTEGER NOT NULL
) STRICT;

CREATE INDEX schedules_of_service ON schedules (service);
CREATE INDEX schedules_due ON schedules (next) WHERE next > 0;

CREATE TABLE runs (
    id       TEXT    NOT NULL PRIMARY KEY,
    schedule TEXT    NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    service  TEXT    NOT NULL,
    planned  INTEGER NOT NULL,
    content  TEXT    NOT NULL, -- JSON
    status   TEXT    NOT NULL,
    UNIQUE (schedule, planned) -- a planned time is claimed once
) STRICT;

CREATE INDEX runs_of_service ON runs (service, id);
CREATE INDEX runs_open ON runs (id) WHERE status IN ('waiting', 'running');
