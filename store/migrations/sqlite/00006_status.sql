-- Deployments of an account with one status are found without reading its whole history.

-- +goose Up
CREATE INDEX deployments_of_status ON deployments (account, status, id);
