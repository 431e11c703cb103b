"""Settings: where they come from, what is refused, and what never shows."""

import inspect
import os
import socket
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr, ValidationError

from ledger.config import Settings, checks, open_log, open_snapshots, rules
from projections.database import parse_url, sqlite_path
from projections.engines import TLS_PARAMETERS


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder and no variables of the shell."""
    for name in list(os.environ):
        if name.upper().startswith("STOCKLEDGER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_embedded_and_local() -> None:
    """Nothing needs to be set."""
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.kafka_bootstrap is None
    assert settings.roles == {"api", "writer", "projector", "planner"}
    assert settings.views_url.startswith("sqlite+aiosqlite:////")
    assert settings.movements_topic == "stock.movements.v1"


def test_flags_go_before_variables_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The order of precedence."""
    (tmp_path / ".env").write_text(
        "STOCKLEDGER_PORT=1\nSTOCKLEDGER_PARTITIONS=2\nSTOCKLEDGER_CURRENCY=USD\nOTHER=1\n"
    )
    monkeypatch.setenv("STOCKLEDGER_PORT", "3")
    monkeypatch.setenv("STOCKLEDGER_PARTITIONS", "4")
    settings = Settings(port=5)
    assert (settings.port, settings.partitions, settings.currency) == (5, 4, "USD")


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("port", 65_536, "65535"),
        ("port", "tcp://10.0.0.1:8000", "enableServiceLinks"),
        ("roles", "api,writr", "api, planner, projector, publisher, writer"),
        ("roles", "", "api, planner, projector, publisher, writer"),
        ("planning_schedule", "24:00", "pattern"),
        ("planning_schedule", "3:00", "pattern"),
        ("planning_runs_kept", 0, "greater than or equal to 1"),
        ("planning_events_kept_days", 0, "greater than or equal to 1"),
        ("planning_events_kept_days", 36_501, "less than or equal to 36500"),
        ("kafka_bootstrap", "broker", "host:port"),
        ("kafka_bootstrap", "a:1,,b:2", "host:port"),
        ("topic_prefix", "a b", "letters"),
        ("database_url", "mysql://u:hidden@h/d", "postgresql://"),
        ("advertised_url", "h:1", "http://"),
        ("currency", "eur", "pattern"),
        ("partitions", 0, "greater than or equal to 1"),
        ("partitions", 1_025, "1024"),
        ("scale_default", 7, "6"),
        ("bulk_items_max", 10_001, "10000"),
        ("queue_items_max", 9_999, "would never fit"),
        ("body_bytes_max", 1, "1024"),
        ("request_timeout_seconds", 0, "greater than 0"),
        ("view_wait_seconds", 61, "60"),
        ("snapshot_every_records", 1, "1000"),
        ("log_level", "loud", "'debug'"),
    ],
)
def test_what_is_out_of_bounds_is_refused(name: str, value: object, part: str) -> None:
    """With a message that says what would be right, and no secret."""
    with pytest.raises(ValidationError, match=part) as caught:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert "hidden" not in str(caught.value)


def test_sasl_needs_a_user() -> None:
    """A broker would refuse later, and less clearly."""
    with pytest.raises(ValidationError, match="kafka_sasl_username"):
        Settings(kafka_security_protocol="SASL_SSL")


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"kafka_ssl_cafile": "ca.pem"}, "kafka_ssl_cafile is for SSL and SASL_SSL"),
        ({"kafka_sasl_username": "u"}, "kafka_security_protocol is PLAINTEXT"),
        ({"kafka_sasl_password": "hidden", "kafka_security_protocol": "SSL"}, "is SSL"),
    ],
)
def test_what_the_protocol_has_no_use_for_is_refused(values: dict[str, Any], part: str) -> None:
    """Whoever sets it would take the connection for what it is not."""
    with pytest.raises(ValidationError, match=part) as caught:
        Settings(kafka_bootstrap="h:9092", **values)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("behind", "part"),
    [
        ("?ssl=true", "verify-full"),
        ("?sslmode=on", "verify-full"),
        ("?sslmode=require&ssl=require", "give one of them"),
        ("?sslmod=require", "no parameter sslmod"),
        ("?=1", "no parameter of this name"),
    ],
)
def test_parameters_of_a_database_are_known(behind: str, part: str) -> None:
    """Else they would end the first connection as a defect does."""
    with pytest.raises(ValidationError, match=part) as caught:
        Settings(database_url=SecretStr(f"postgresql://u:hid?den=1@h/d{behind}"))
    assert "den" not in str(caught.value)


def test_known_parameters_are_understood_by_somebody() -> None:
    """By the driver, in the text it is given, or by SQLAlchemy."""
    by_driver = {*inspect.signature(asyncpg.connect).parameters, *TLS_PARAMETERS}
    assert checks.POSTGRES_PARAMETERS - by_driver == {"prepared_statement_cache_size"}
    assert {*TLS_PARAMETERS} <= checks.POSTGRES_PARAMETERS
    behind = "?sslmode=verify-full&sslrootcert=/a%20b.pem&host=h"
    assert Settings(database_url=SecretStr(f"postgres://u:p?q@/d{behind}")).views_url.endswith(
        behind
    )


def test_secrets_do_not_show() -> None:
    """Neither in a representation nor in a dump."""
    settings = Settings.model_validate(
        {"database_url": "postgresql://u:hidden@h/d", "kafka_sasl_password": "hidden"}
    )
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert settings.views_url == "postgresql+asyncpg://u:hidden@h/d"


@pytest.mark.parametrize("name", ["a?b", "a%41", "a#b c", "ä@:"])
def test_views_lie_in_the_folder_whatever_its_name(name: str) -> None:
    """It becomes part of a URL."""
    settings = Settings(data_dir=Path("/data") / name)
    assert sqlite_path(parse_url(settings.views_url)) == settings.data_dir / "views.db"


@pytest.mark.parametrize(
    ("host", "advertised", "url"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8000"),
        ("::1", None, "http://[::1]:8000"),
        ("127.0.0.1", "https://a.example/", "https://a.example"),
    ],
)
def test_the_url_for_other_instances(host: str, advertised: str | None, url: str) -> None:
    """From host and port unless it is given."""
    assert Settings(host=host, advertised_url=advertised).public_url == url


def test_an_instance_is_named_after_its_machine() -> None:
    """Each process adds a part of its own (api.process)."""
    assert Settings().instance_id == socket.gethostname()


def test_rules_count_in_microseconds() -> None:
    """The core knows one unit of time."""
    chosen = rules(Settings(late_after_seconds=2, backdate_limit_days=1, strict_items=True))
    assert chosen.late_after_us == 2_000_000
    assert chosen.backdate_limit_us == 86_400_000_000
    assert chosen.strict_items


def test_the_log_follows_the_settings(tmp_path: Path) -> None:
    """SQLite by itself, Kafka where there are brokers; nothing connects yet."""
    embedded = Settings(data_dir=tmp_path, partitions=5)
    assert type(open_log(embedded)).__name__ == "SqliteLog"
    assert open_log(embedded).partitions == 5
    assert type(open_snapshots(embedded)).__name__ == "SqliteSnapshots"
    kafka = Settings(kafka_bootstrap="127.0.0.1:9", topic_prefix="t", partitions=7)
    assert open_log(kafka).partitions == 7
    assert type(open_snapshots(kafka)).__name__ == "KafkaSnapshots"


@pytest.mark.parametrize(
    "url",
    [
        "kafka:9092",
        "ftp://a",
        "http://",
        "http://:8000",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://user:password@a",
        "http://a/?b",
        "http://a:port",
        "http://a:65536",
        "http://a:0",
        "http://a b:80",
        "http://a/\n",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(url: str) -> None:
    """Others could not send to it."""
    with pytest.raises(ValidationError, match="expected"):
        Settings(advertised_url=url)


@pytest.mark.parametrize(
    "secret", ["", "short", "x" * 15, "with a space in it", "umlaut-ä-secret-x"]
)
def test_a_weak_secret_is_refused(secret: str) -> None:
    """Or one that does not fit into a header; and no message repeats it."""
    with pytest.raises(ValidationError) as caught:
        Settings(cluster_secret=secret)
    assert not secret or secret not in str(caught.value)
    good = Settings(cluster_secret="x" * 16)
    assert "x" * 16 not in f"{good!r}"


def test_a_static_member_needs_a_name_that_stays() -> None:
    """The machine's name would be the same for two processes on it."""
    with pytest.raises(ValidationError, match="instance_id"):
        Settings(static_membership=True)
    assert Settings(static_membership=True, instance_id="shop-1").static_membership


def test_where_the_keys_of_private_texts_lie(tmp_path: Path) -> None:
    """With an embedded log beside it; with Kafka only where somebody said so."""
    embedded = Settings(_env_file=None, data_dir=tmp_path)
    assert embedded.privacy_keys_path == tmp_path / "privacy-keys.db"
    on_kafka = Settings(_env_file=None, kafka_bootstrap="h:1")
    assert on_kafka.privacy_keys_path is None
    named = Settings(_env_file=None, kafka_bootstrap="h:1", privacy_keys_file=tmp_path / "keys")
    assert named.privacy_keys_path == tmp_path / "keys"
