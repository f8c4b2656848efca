-- Back to one organisation a user: the oldest membership is kept. Sessions end; keys lose their name, scope and expiry.

ALTER TABLE kernel_user ADD COLUMN organisation_id BIGINT, ADD COLUMN roles TEXT[];
UPDATE kernel_user u SET organisation_id = m.organisation_id, roles = m.roles FROM kernel_membership m
    WHERE m.user_id = u.id AND m.id = (SELECT min(id) FROM kernel_membership WHERE user_id = u.id);
ALTER TABLE kernel_user ALTER COLUMN organisation_id SET NOT NULL, ALTER COLUMN roles SET NOT NULL, DROP COLUMN credentials_changed_at,
    ADD CONSTRAINT kernel_user_organisation_id_refers_to_kernel_organisation FOREIGN KEY(organisation_id) REFERENCES kernel_organisation (id);
REVOKE UPDATE (password_hash) ON kernel_user FROM tanyi_app;

DROP TABLE kernel_attempt, kernel_known_place, kernel_invitation, kernel_recovery_code, kernel_second_factor,
    kernel_pending_sign_in, kernel_sign_in;
CREATE TABLE kernel_sign_in (
    token_sha256 TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT kernel_sign_in_pkey PRIMARY KEY (token_sha256),
    CONSTRAINT kernel_sign_in_user_id_refers_to_kernel_user FOREIGN KEY(user_id) REFERENCES kernel_user (id)
);
GRANT SELECT, INSERT, DELETE ON kernel_sign_in TO tanyi_app;

DELETE FROM kernel_api_key WHERE revoked_at IS NOT NULL OR expires_at IS NOT NULL;
REVOKE UPDATE (used_at, revoked_at) ON kernel_api_key FROM tanyi_app;
ALTER TABLE kernel_api_key DROP CONSTRAINT kernel_api_key_key_sha256_is_unique, DROP COLUMN id, DROP COLUMN membership_id, DROP COLUMN name,
    DROP COLUMN prefix, DROP COLUMN scopes, DROP COLUMN granted_at, DROP COLUMN expires_at, DROP COLUMN used_at,
    DROP COLUMN revoked_at, ADD CONSTRAINT kernel_api_key_pkey PRIMARY KEY (key_sha256);
DROP TABLE kernel_membership;
