-- Deployments with an image, the restorable ones, are found without reading the whole history.

-- +goose Up
CREATE INDEX deployments_with_image ON deployments (id) WHERE image <> '{"ref":"","digest":""}';
