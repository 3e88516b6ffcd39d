-- What the platform keeps. Slots are half-hours since the Unix epoch, UTC; they name the half-hour that begins there.
CREATE TABLE load_actual (
    zone       text             NOT NULL,
    slot       bigint           NOT NULL,
    demand_mw  double precision NOT NULL CHECK (demand_mw >= 0),
    revision   integer          NOT NULL DEFAULT 0,
    arrived_at bigint           NOT NULL,  -- simulated Unix seconds
    PRIMARY KEY (zone, slot)
);

CREATE TABLE weather_observation (
    zone          text NOT NULL,
    slot          bigint NOT NULL,
    temperature_c real NOT NULL,
    PRIMARY KEY (zone, slot)
);

-- One row a run of the weather service: temperatures of the slots from `issued` on. Kept, since training must see
-- the weather as it was forecast, not as it came.
CREATE TABLE weather_forecast (
    zone           text   NOT NULL,
    issued         bigint NOT NULL,
    temperatures_c real[] NOT NULL,
    PRIMARY KEY (zone, issued)
);

CREATE TABLE forecast (
    zone          text NOT NULL,
    issued        bigint NOT NULL,
    target        bigint NOT NULL,
    mean_mw       double precision NOT NULL,
    low_mw        double precision NOT NULL,
    high_mw       double precision NOT NULL,
    model_version text NOT NULL,
    data_version  text NOT NULL,
    PRIMARY KEY (zone, issued, target)
);
CREATE INDEX forecast_by_target ON forecast (zone, target);
