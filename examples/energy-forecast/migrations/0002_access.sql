-- Who may ask, and what was asked.
CREATE TABLE app_user (
    name          text PRIMARY KEY,
    role          text NOT NULL CHECK (role IN ('reader', 'analyst', 'operator')),
    zone          text NOT NULL,
    password_hash text NOT NULL
);

CREATE TABLE api_key (
    key_hash   text PRIMARY KEY,  -- SHA-256 of the key, which is nowhere kept
    user_name  text NOT NULL REFERENCES app_user (name),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked    boolean NOT NULL DEFAULT false
);

CREATE TABLE customer (
    id     bigint PRIMARY KEY,
    zone   text NOT NULL,
    name   text NOT NULL,
    meter  text NOT NULL
);
CREATE INDEX customer_by_zone ON customer (zone);

CREATE TABLE audit_event (
    id          bigserial PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    simulated_s bigint NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    object      text NOT NULL,
    outcome     text NOT NULL,
    request_id  text NOT NULL
);
CREATE INDEX audit_event_by_time ON audit_event (at);
