"""Settings of a process: as a flag, in the environment, or in `.env`, in this order."""

import socket
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledger.config import bounds
from ledger.config.checks import ANYWHERE, brokers, database_url, instance_url, strong_secret
from ledger.config.checks import topic_prefix as checked_prefix
from ledger.domain.quantities import SCALE_MAX

ENV_PREFIX: Final = "STOCKLEDGER_"

Role = Literal["api", "writer", "projector", "publisher", "planner"]
ROLES_DEFAULT: Final[frozenset[Role]] = frozenset({"api", "writer", "projector"})
# Known names that this version has nothing to run for.
ROLES_NOT_YET: Final[frozenset[Role]] = frozenset({"planner"})


class Settings(BaseSettings):
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
        ROLES_DEFAULT, description="what this process does, of api,writer,projector,publisher"
    )
    processes: int = Field(
        1, ge=1, le=bounds.PROCESSES_MAX, description="server processes behind the one port"
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

    strict_items: bool = Field(False, description="refuse movements of SKUs that no item describes")
    currency: str = Field(
        "EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217 code of all costs of a new log"
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

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="console, json, or auto: console on a terminal"
    )

    @field_validator("port", mode="before")
    @classmethod
    def _explain_service_link(cls, value: object) -> object:
        # Kubernetes sets STOCKLEDGER_PORT=tcp://… for a service of this name.
        if isinstance(value, str) and value.startswith("tcp://"):
            raise ValueError("is set by Kubernetes for a service; use enableServiceLinks: false")
        return value

    @field_validator("roles", mode="before")
    @classmethod
    def _check_roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = {name.strip() for name in value.split(",")} - {""}
        if not names or names - set(get_args(Role)):
            known = set(get_args(Role)) - ROLES_NOT_YET
            raise ValueError(f"expected some of {', '.join(sorted(known))}")
        if early := sorted(names & ROLES_NOT_YET):
            raise ValueError(f"this version has nothing to run for {' and '.join(early)}")
        return names

    @field_validator("kafka_bootstrap")
    @classmethod
    def _check_bootstrap(cls, value: str | None) -> str | None:
        return value and brokers(value)

    @field_validator("topic_prefix")
    @classmethod
    def _check_topic_prefix(cls, value: str) -> str:
        return checked_prefix(value)

    @field_validator("database_url")
    @classmethod
    def _normalise_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else database_url(value)

    @field_validator("advertised_url")
    @classmethod
    def _check_advertised_url(cls, value: str | None) -> str | None:
        return None if value is None else instance_url(value)

    @field_validator("cluster_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else strong_secret(value)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.queue_items_max < self.bulk_items_max:
            raise ValueError(
                "queue_items_max is below bulk_items_max: a bulk of one SKU would never fit"
            )
        if self.queue_bytes_max < self.body_bytes_max:
            raise ValueError("queue_bytes_max is below body_bytes_max: one body would never fit")
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError("SASL needs kafka_sasl_username and kafka_sasl_password")
        if self.static_membership and "instance_id" not in self.model_fields_set:
            raise ValueError("static_membership needs an instance_id that stays the same")
        return self

    # Which of `processes` this one is, from 0; set by `place.of_process` alone.
    _number: int = PrivateAttr(0)

    @property
    def process_number(self) -> int:
        """Which of `processes` this process is, from 0."""
        return self._number

    @property
    def views_url(self) -> str:
        """The SQLAlchemy URL of the views; it may hold a password, so never log it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{(self.data_dir / 'views.db').absolute()}"

    @property
    def api_keys_path(self) -> Path:
        """Where the hashed API keys lie, whether or not there are any."""
        return self.api_keys_file or self.data_dir / "api-keys.json"

    @property
    def log_path(self) -> Path:
        """The SQLite file of the embedded log."""
        return self.data_dir / "log.db"

    @property
    def snapshots_path(self) -> Path:
        """The SQLite file of the embedded log's snapshots."""
        return self.data_dir / "snapshots.db"

    @property
    def movements_topic(self) -> str:
        """The topic that is the log."""
        return f"{self.topic_prefix}.movements.v1"

    @property
    def snapshots_topic(self) -> str:
        """The topic that caches snapshots."""
        return f"{self.topic_prefix}.snapshots.v1"

    @property
    def group_id(self) -> str:
        """The consumer group by which instances share out the partitions."""
        return f"{self.topic_prefix}.writers"

    @property
    def shared(self) -> bool:
        """Whether this process works on a log together with others, as one of its instances."""
        many = self.kafka_bootstrap is not None or self.processes > 1
        return many and bool(self.roles & {"api", "writer"})

    @property
    def public_url(self) -> str:
        """Where other instances reach this one."""
        if self.advertised_url is not None:
            return self.advertised_url
        host = socket.gethostname() if self.host in ANYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
