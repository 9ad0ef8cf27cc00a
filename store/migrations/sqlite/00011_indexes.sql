-- What is asked at every deployment is found without reading anybody's history: the images of a service and of an account, and
-- what of an account is not settled.

-- +goose Up
DROP INDEX deployments_with_image;
CREATE INDEX deployments_with_image ON deployments (service, id) WHERE image <> '{"ref":"","digest":""}';
CREATE INDEX deployments_images_of_account ON deployments (account) WHERE image <> '{"ref":"","digest":""}';
CREATE INDEX deployments_unsettled_of_account ON deployments (account)
    WHERE status NOT IN ('retired', 'failed', 'canceled', 'superseded');
CREATE INDEX deliveries_of_webhook ON deliveries (webhook, id);
