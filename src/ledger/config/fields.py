"""What can be set, with bounds and defaults. What a value must be beyond that is `settings`'s."""

import socket
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledger.config import bounds
from ledger.domain.quantities import SCALE_MAX

ENV_PREFIX: Final = "STOCKLEDGER_"
CURRENCY: Final = r"^[A-Z]{3}$"
TIME_OF_DAY: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
# What a text should be, by its pattern.
FORMS: Final = {
    CURRENCY: "a code of three capital letters such as EUR",
    TIME_OF_DAY: "a time of day such as 03:15",
}

Role = Literal["api", "writer", "projector", "publisher", "planner"]
ROLES_DEFAULT: Final[frozenset[Role]] = frozenset({"api", "writer", "projector", "planner"})


class Fields(BaseSettings):
    """Everything an operator may choose. The description of a field is its help."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # The message of a wrong setting must not repeat a password.
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    data_dir: Path = Field(Path("data"), description="where the embedded log and views lie")
    roles: Annotated[frozenset[Role], NoDecode] = Field(
        ROLES_DEFAULT,
        description="what this process does, of api,writer,projector,publisher,planner",
    )
    processes: int = Field(
        1, ge=1, le=bounds.PROCESSES_MAX, description="server processes behind the one port"
    )
    log_process: bool | None = Field(
        None,
        description="whether a process of its own writes the embedded log; none: if this one may "
        "use two cores, and is the only one",
    )
    migrate: bool = Field(True, description="bring the views' tables up to date when starting")
    dev: bool = Field(False, description="accept a topic with fewer replicas than is safe")

    kafka_bootstrap: str | None = Field(
        None, description="host:port[,…] of the brokers; none: the log is SQLite in data_dir"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    kafka_sasl_username: str | None = Field(None, description="user of the brokers")
    kafka_sasl_password: SecretStr | None = Field(
        None, description="password; better given in the environment than as a flag"
    )
    kafka_ssl_cafile: Path | None = Field(None, description="certificates to trust, PEM")
    topic_prefix: str = Field("stock", description="topics are PREFIX.movements.v1 and so on")
    partitions: int = Field(
        12, ge=1, le=bounds.PARTITIONS_MAX, description="partitions of a new log; fixed afterwards"
    )
    replication: int = Field(
        3, ge=1, le=bounds.REPLICATION_MAX, description="replicas of a topic that is created"
    )
    database_url: SecretStr | None = Field(
        None, description="postgresql://… of the views; none: SQLite in data_dir"
    )
    advertised_url: str | None = Field(
        None, description="where other instances reach this one; none: from host and port"
    )
    instance_id: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        max_length=128,
        description="name of this instance in the log, where each process adds a random part; "
        "none: the host name",
    )
    cluster_secret: SecretStr | None = Field(
        None, description="what all instances of a ledger on Kafka know and nobody else"
    )
    group_session_seconds: float = Field(
        10.0,
        ge=1,
        le=bounds.GROUP_SESSION_SECONDS_MAX,
        description="an instance that is silent for so long loses its partitions to the others",
    )
    static_membership: bool = Field(
        False, description="keep the partitions over a quick restart; instance_id must be its own"
    )
    handoff_seconds: float = Field(
        5.0,
        ge=0,
        le=bounds.HANDOFF_SECONDS_MAX,
        description="how long an instance that is stopped waits for the others to take over",
    )
    api_keys_file: Path | None = Field(
        None, description="hashed API keys; none: api-keys.json in data_dir"
    )
    privacy_keys_file: Path | None = Field(
        None,
        description="keys of private texts; none: privacy-keys.db in data_dir, if the log is there",
    )

    strict_items: bool = Field(False, description="refuse movements of SKUs that no item describes")
    currency: str = Field(
        "EUR", pattern=CURRENCY, description="ISO 4217 code of all costs of a new log"
    )
    scale_default: int = Field(
        0, ge=0, le=SCALE_MAX, description="decimals of quantities of SKUs that no item describes"
    )
    future_tolerance_seconds: int = Field(
        300, ge=0, le=bounds.TOLERANCE_SECONDS_MAX, description="how far ahead occurred_at may lie"
    )
    backdate_limit_days: int = Field(
        7_300, ge=0, le=bounds.BACKDATE_DAYS_MAX, description="how far back occurred_at may lie"
    )
    late_after_seconds: int = Field(
        3_600,
        ge=0,
        le=bounds.LATE_AFTER_SECONDS_MAX,
        description="older movements are flagged late",
    )

    queue_items_max: int = Field(
        20_000,
        ge=1,
        le=bounds.QUEUE_ITEMS_MAX,
        description="commands that may wait for one partition",
    )
    queue_bytes_max: int = Field(
        256 * 1024 * 1024,
        ge=bounds.BODY_BYTES_MIN,
        le=bounds.QUEUE_BYTES_MAX,
        description="bytes of requests that may wait for their answer, all together",
    )
    bulk_items_max: int = Field(
        bounds.BULK_ITEMS_MAX,
        ge=1,
        le=bounds.BULK_ITEMS_MAX,
        description="items in one bulk request",
    )
    body_bytes_max: int = Field(
        16 * 1024 * 1024,
        ge=bounds.BODY_BYTES_MIN,
        le=bounds.BODY_BYTES_MAX,
        description="bytes in a request",
    )
    request_timeout_seconds: float = Field(
        10.0, gt=0, le=bounds.REQUEST_TIMEOUT_SECONDS_MAX, description="how long a write may take"
    )
    view_wait_seconds: float = Field(
        5.0,
        ge=0,
        le=bounds.VIEW_WAIT_SECONDS_MAX,
        description="how long a read waits for min_position",
    )
    id_window: int = Field(
        1_000_000,
        ge=0,
        le=bounds.ID_WINDOW_MAX,
        description="ids kept in memory, all partitions together",
    )
    snapshot_every_records: int = Field(
        200_000,
        ge=bounds.SNAPSHOT_EVERY_RECORDS_MIN,
        le=bounds.SNAPSHOT_EVERY_RECORDS_MAX,
        description="records of a partition between two snapshots",
    )

    planning_refresh_seconds: float = Field(
        60.0,
        ge=1,
        le=bounds.PLANNING_REFRESH_SECONDS_MAX,
        description="how often the demand view and the balance checkpoints are brought as far as "
        "the other views",
    )
    planning_schedule: str | None = Field(
        None,
        pattern=TIME_OF_DAY,
        description="when a planning run is made each day, HH:MM in UTC; none: only when asked for",
    )
    planning_parameters: Path | None = Field(
        None, description="parameters of these runs, TOML or JSON; none: the defaults"
    )
    planning_runs_kept: int = Field(
        30,
        ge=1,
        le=bounds.PLANNING_RUNS_KEPT_MAX,
        description="planning runs whose results are kept; the runs themselves stay",
    )
    planning_events_kept_days: int = Field(
        90,
        ge=1,
        le=bounds.PLANNING_EVENTS_KEPT_DAYS_MAX,
        description="days for which what runs changed is kept, at least until it is published",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="console, json, or auto: console on a terminal"
    )
