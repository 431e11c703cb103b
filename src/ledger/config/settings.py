"""Settings of a process: as a flag, in the environment, or in `.env`, in this order."""

import socket
from pathlib import Path
from typing import Self, get_args
from urllib.parse import quote

from pydantic import PrivateAttr, SecretStr, field_validator, model_validator

from ledger.config.checks import ANYWHERE, brokers, database_url, instance_url, strong_secret
from ledger.config.checks import topic_prefix as checked_prefix
from ledger.config.fields import ENV_PREFIX, Fields, Role

__all__ = ["ENV_PREFIX", "Settings"]


class Settings(Fields):
    """The settings of a process, checked."""

    @field_validator("port", mode="before")
    @classmethod
    def _explain_service_link(cls, value: object) -> object:
        # Kubernetes sets STOCKLEDGER_PORT=tcp://… for a service of this name.
        if isinstance(value, str) and value.startswith("tcp://"):
            raise ValueError("is set by Kubernetes for a service; use enableServiceLinks: false")
        return value

    @field_validator("host")
    @classmethod
    def _check_host(cls, value: str) -> str:
        try:
            value.encode("idna")
        except UnicodeError:
            raise ValueError("it is no address, and no name that could lead to one") from None
        # Brackets are for URLs, where an IPv6 address stands before a port.
        return value[1:-1] if value.startswith("[") and value.endswith("]") else value

    @field_validator("roles", mode="before")
    @classmethod
    def _check_roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = {name.strip() for name in value.split(",")} - {""}
        if not names or names - set(get_args(Role)):
            raise ValueError(f"expected some of {', '.join(sorted(get_args(Role)))}")
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
        if self.kafka_bootstrap is not None:
            self._check_protocol()
        if self.static_membership and "instance_id" not in self.model_fields_set:
            raise ValueError("static_membership needs an instance_id that stays the same")
        return self

    def _check_protocol(self) -> None:
        """Whoever sets these relies on them: nothing may go unencrypted, or without a password."""
        protocol = self.kafka_security_protocol
        if self.kafka_ssl_cafile is not None and not protocol.endswith("SSL"):
            raise ValueError(
                "kafka_ssl_cafile is for SSL and SASL_SSL, "
                f"and kafka_security_protocol is {protocol}"
            )
        login = self.kafka_sasl_username is not None or self.kafka_sasl_password is not None
        if login and not protocol.startswith("SASL"):
            raise ValueError(
                "kafka_sasl_username and kafka_sasl_password are for SASL_SSL and SASL_PLAINTEXT, "
                f"and kafka_security_protocol is {protocol}"
            )

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
        return f"sqlite+aiosqlite:///{quote(str((self.data_dir / 'views.db').absolute()))}"

    @property
    def api_keys_path(self) -> Path:
        """Where the hashed API keys lie, whether or not there are any."""
        return self.api_keys_file or self.data_dir / "api-keys.json"

    @property
    def privacy_keys_path(self) -> Path | None:
        """Where the keys of private texts lie, whether or not there are any.

        None where the log is on Kafka and no file was named: instances come and go there, and a key
        in the folder of one of them would be lost with it.
        """
        if self.privacy_keys_file is None and self.kafka_bootstrap is not None:
            return None
        return self.privacy_keys_file or self.data_dir / "privacy-keys.db"

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
