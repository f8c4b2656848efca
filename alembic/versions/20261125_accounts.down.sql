-- Back to one organisation a user: the oldest membership is kept.

ALTER TABLE kernel_user ADD COLUMN organisation_id BIGINT, ADD COLUMN roles TEXT[];
UPDATE kernel_user u SET organisation_id = m.organisation_id, roles = m.roles FROM kernel_membership m
    WHERE m.user_id = u.id AND m.id = (SELECT min(id) FROM kernel_membership WHERE user_id = u.id);
ALTER TABLE kernel_user ALTER COLUMN organisation_id SET NOT NULL, ALTER COLUMN roles SET NOT NULL,
    ADD CONSTRAINT kernel_user_organisation_id_refers_to_kernel_organisation FOREIGN KEY(organisation_id) REFERENCES kernel_organisation (id);

ALTER TABLE kernel_sign_in DROP COLUMN membership_id;
ALTER TABLE kernel_api_key DROP COLUMN membership_id;
DROP TABLE kernel_membership;
