-- Services whose count CPU use decides are found without reading the others. The policy itself is in config.

-- +goose Up
ALTER TABLE services ADD COLUMN autoscaled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX services_autoscaled ON services (autoscaled, id);
