-- The simulated bank's own books, in a schema of its own: another house, which shares no table with us.

CREATE SCHEMA gateway;

CREATE TABLE gateway.payment_intent (
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    amount_fen BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    capture_method TEXT NOT NULL,
    metadata JSONB NOT NULL,
    payment_method TEXT,
    amount_captured_fen BIGINT DEFAULT 0 NOT NULL,
    amount_refunded_fen BIGINT DEFAULT 0 NOT NULL,
    last_error JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settles_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT an_intent_has_an_amount CHECK (amount_fen > 0),
    CONSTRAINT intents_are_in_yuan CHECK (currency IN ('cny')),
    CONSTRAINT an_intent_has_a_known_status CHECK (status IN ('requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'requires_capture', 'succeeded', 'canceled')),
    CONSTRAINT capture_is_manual_or_automatic CHECK (capture_method IN ('manual', 'automatic')),
    CONSTRAINT captured_never_exceeds_the_amount CHECK (amount_captured_fen BETWEEN 0 AND amount_fen),
    CONSTRAINT refunded_never_exceeds_captured CHECK (amount_refunded_fen BETWEEN 0 AND amount_captured_fen),
    CONSTRAINT captured_exactly_when_succeeded CHECK ((status = 'succeeded') = (amount_captured_fen > 0)),
    CONSTRAINT processing_has_an_end CHECK ((status = 'processing') = (settles_at IS NOT NULL)),
    CONSTRAINT only_a_payment_method_moves_an_intent_on CHECK (status IN ('requires_payment_method', 'canceled') OR payment_method IS NOT NULL),
    UNIQUE (seq)
);

CREATE INDEX payment_intent_by_metadata ON gateway.payment_intent USING gin (metadata jsonb_path_ops);

CREATE INDEX payment_intent_processing ON gateway.payment_intent (settles_at) WHERE settles_at IS NOT NULL;

CREATE TABLE gateway.payout (
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    amount_fen BIGINT NOT NULL,
    currency TEXT NOT NULL,
    destination TEXT NOT NULL,
    status TEXT NOT NULL,
    failure_code TEXT,
    metadata JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settles_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT a_payout_has_an_amount CHECK (amount_fen > 0),
    CONSTRAINT payouts_are_in_yuan CHECK (currency IN ('cny')),
    CONSTRAINT a_payout_has_a_known_status CHECK (status IN ('pending', 'paid', 'failed')),
    CONSTRAINT a_failed_payout_says_why CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT a_pending_payout_has_an_end CHECK ((status = 'pending') = (settles_at IS NOT NULL)),
    UNIQUE (seq)
);

CREATE INDEX payout_by_metadata ON gateway.payout USING gin (metadata jsonb_path_ops);

CREATE INDEX payout_pending ON gateway.payout (settles_at) WHERE settles_at IS NOT NULL;

CREATE TABLE gateway.balance (
    id SMALLINT NOT NULL,
    captured_fen BIGINT NOT NULL,
    refunded_fen BIGINT NOT NULL,
    paid_out_fen BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT there_is_one_balance CHECK (id = 1),
    CONSTRAINT money_leaves_in_one_direction CHECK (refunded_fen >= 0 AND paid_out_fen >= 0),
    CONSTRAINT nothing_leaves_that_did_not_come CHECK (refunded_fen + paid_out_fen <= captured_fen)
);

CREATE TABLE gateway.idempotency (
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE gateway.event (
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    type TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    data JSONB NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    last_failure TEXT,
    PRIMARY KEY (id),
    CONSTRAINT attempts_are_counted_up CHECK (attempts >= 0),
    CONSTRAINT delivered_only_after_an_attempt CHECK (delivered_at IS NULL OR attempts > 0),
    UNIQUE (seq)
);

CREATE INDEX event_undelivered ON gateway.event (due_at, seq) WHERE delivered_at IS NULL;

CREATE TABLE gateway.refund (
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    payment_intent_id TEXT NOT NULL,
    amount_fen BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    metadata JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT a_refund_has_an_amount CHECK (amount_fen > 0),
    CONSTRAINT refunds_are_in_yuan CHECK (currency IN ('cny')),
    CONSTRAINT a_refund_has_a_known_status CHECK (status IN ('succeeded')),
    UNIQUE (seq),
    FOREIGN KEY(payment_intent_id) REFERENCES gateway.payment_intent (id)
);

CREATE INDEX refund_by_payment_intent ON gateway.refund (payment_intent_id);

-- The simulator runs inside the application's process, so it signs in as the application.
GRANT USAGE ON SCHEMA gateway TO tanyi_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA gateway TO tanyi_app;
