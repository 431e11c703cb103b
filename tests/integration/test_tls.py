"""The whole service behind TLS and passwords, and what it says where it is not let in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from ledger.config import Settings, joined_writers, open_log
from ledger.errors import LedgerError, LogDenied, LogMisconfigured
from ops.console import ExitCode
from ops.faults import explain
from ops.health import stores
from ops.health.finding import State
from projections.database import Database
from projections.migrate import upgrade
from projections.rebuilding.sites import BUILD, open_site
from tests.servers import Doors, PostgresServer, run_sql
from tests.servers_certificates import Authority
from tests.servers_doors import PASSWORD, USER
from tests.tls_front import Guarded, TlsFront
from tests.unit.api.serving import client_of, receipt, wait_ready
from tests.waiting import eventually

WRONG = "not-the-password"
BULK = 1_000

NewUrl = Callable[..., str]


@pytest.fixture(autouse=True)
async def nothing_left_open() -> AsyncIterator[None]:
    """A connection by TLS is closed in turns of the event loop that come when nobody waits."""
    watched = vars(asyncio.get_running_loop())["_selector"].get_map()
    before = len(watched)
    yield
    await eventually(lambda: len(watched) <= before)


def settings_at(doors: Doors, door: str, host: str = "127.0.0.1", **values: Any) -> Settings:
    """Settings of a client that goes in by this door, as it should unless `values` says else."""
    protocol = doors.protocols[door]
    good: dict[str, Any] = {
        "kafka_bootstrap": doors.bootstrap(door, host),
        "kafka_security_protocol": protocol,
        "partitions": 1,
        "replication": 1,
        "dev": True,
    }
    if protocol.endswith("SSL"):
        good["kafka_ssl_cafile"] = doors.cafile
    if protocol.startswith("SASL"):
        good |= {"kafka_sasl_username": USER, "kafka_sasl_password": PASSWORD}
    wanted = good | values
    return Settings(
        _env_file=None, **{name: value for name, value in wanted.items() if value is not None}
    )


@pytest.fixture
def asking(
    request: pytest.FixtureRequest, postgres_admin_url: str, new_postgres_url: Callable[[], str]
) -> Iterator[tuple[str, str]]:
    """A user who is asked for a password, and the user's database."""
    server: PostgresServer = request.getfixturevalue("own_postgres")
    if server.url != postgres_admin_url:
        pytest.skip("NOT TESTED: the rules of a server that is not ours are not changed")
    url = new_postgres_url()
    database = urlsplit(url).path.removeprefix("/")
    user = f"user_{database}"
    literal = PASSWORD.replace("'", "''")
    run_sql(
        postgres_admin_url,
        f"CREATE ROLE {user} LOGIN PASSWORD '{literal}'",
        f"ALTER DATABASE {database} OWNER TO {user}",
    )
    with server.asking(user):
        yield user, database
    run_sql(url, f"REASSIGN OWNED BY {user} TO CURRENT_USER", f"DROP ROLE {user}")


@pytest.fixture
async def guarded(
    asking: tuple[str, str], postgres_admin_url: str, tmp_path: Path
) -> AsyncIterator[Guarded]:
    """That database behind TLS."""
    authority = Authority("authority of the database")
    behind = urlsplit(postgres_admin_url)
    assert behind.hostname is not None
    assert behind.port is not None
    front = TlsFront((behind.hostname, behind.port), authority.server(), tmp_path)
    async with front:
        yield Guarded(front.port, *asking, authority.write(tmp_path, "database-ca.pem"))


async def _metric(client: httpx.AsyncClient, name: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(name))


async def test_the_whole_service(
    kafka_doors: Doors, guarded: Guarded, topic_prefix: str, tmp_path: Path
) -> None:
    """Writers, group, snapshots, views and publishers; a restart; and the doctor is content."""
    settings = settings_at(
        kafka_doors, "BOTH", topic_prefix=topic_prefix, partitions=2, snapshot_every_records=BULK,
        database_url=SecretStr(guarded.url("?sslmode=verify-full&sslrootcert={ca}")),
        data_dir=tmp_path, roles="api,writer,projector,publisher,planner",
    )  # fmt: skip
    movement = receipt(id="first", quantity="5")
    async with client_of(settings) as client:
        await wait_ready(client)
        answer = await client.post("/v1/movements", json=movement)
        assert answer.status_code == 201, answer.text
        many = [receipt(id=f"m{number}", quantity="1") for number in range(BULK)]
        done = await client.post("/v1/movements/bulk", json=many)
        assert done.status_code == 200, done.text
        assert len(await joined_writers(settings)) == 1
        await eventually(lambda: _metric(client, "stockledger_writer_snapshots_total"))
        await eventually(lambda: _metric(client, "stockledger_publisher_published_total"))
    async with client_of(settings.model_copy(update={"snapshot_every_records": 200_000})) as client:
        await wait_ready(client)
        assert await _metric(client, "stockledger_writer_snapshots_ignored_total") == 0
        again = await client.post("/v1/movements", json=movement)
        assert again.headers["idempotency-replayed"] == "true", again.headers
        taken = await client.post("/v1/movements", json=receipt(type="issue", quantity="3"))
        at = {"min_position": taken.headers["ledger-position"]}
        assert (await client.get("/v1/stock/A", params=at)).json()["on_hand"] == str(BULK + 2)
        async with AsyncExitStack() as stack:
            findings, log = await stores.check_log(settings, stack)
            findings += [one async for one in stores.check_clock(settings)]
            findings += [one async for one in stores.check_views(settings, log)]
    assert {one.state for one in findings} == {State.GOOD}, findings


@pytest.mark.parametrize(
    ("door", "mechanism"),
    [("TLS", None), ("PASSWORD", "PLAIN"), ("PASSWORD", "SCRAM-SHA-256"), ("BOTH", "PLAIN")],
)
async def test_each_way_in(
    kafka_doors: Doors, topic_prefix: str, door: str, mechanism: str | None
) -> None:
    """What is appended is read; the topic is as it must be."""
    settings = settings_at(
        kafka_doors, door, topic_prefix=topic_prefix, kafka_sasl_mechanism=mechanism
    )
    log = open_log(settings)
    try:
        await log.open()
        assert await log.append(0, 0, [(b"key", b"value", None)]) == 0
        assert [one.value for one in (await log.read(0, 0)).records] == [b"value"]
        assert await log.check() == []
    finally:
        await log.close()


async def _denied(settings: Settings) -> str:
    """What a command says that is not let in; the doctor says the same, and both end with 1."""
    with pytest.raises(LedgerError) as caught:
        await open_log(settings, create=False).check()
    assert isinstance(caught.value, LogDenied | LogMisconfigured)
    explained = explain(caught.value, settings)
    assert explained is not None
    async with AsyncExitStack() as stack:
        (found,), log = await stores.check_log(settings, stack)
    assert (explained.code, found.state, log) == (ExitCode.FOUND_WRONG, State.BAD, None)
    assert found.text == str(explained)
    assert WRONG not in found.text
    assert PASSWORD not in found.text
    return found.text


@pytest.mark.parametrize(
    ("door", "values", "part"),
    [
        ("BOTH", {"kafka_sasl_password": WRONG}, "refuses the user ledger or the password"),
        ("BOTH", {"kafka_sasl_username": "nobody"}, "refuses the user nobody or the password"),
        ("BOTH", {"kafka_sasl_password": WRONG, "kafka_sasl_mechanism": "PLAIN"}, "by PLAIN: see"),
        ("PASSWORD", {}, "takes no SCRAM-SHA-512 but PLAIN, SCRAM-SHA-256: see kafka_sasl_mech"),
        ("EXPIRED", {}, "certificate has expired"),
        ("STRANGE", {}, "not valid for 'localhost'"),
    ],
)
async def test_why_kafka_lets_nobody_in(
    kafka_doors: Doors, door: str, values: dict[str, Any], part: str
) -> None:
    """In a sentence that names the setting, for the broker answered; without the password."""
    assert part in await _denied(settings_at(kafka_doors, door, **values))


@pytest.mark.parametrize(
    ("like", "at", "part"),
    [
        ("PLAIN", "BOTH", "speaks TLS, and kafka_security_protocol is PLAINTEXT"),
        ("PASSWORD", "BOTH", "speaks TLS, and kafka_security_protocol is SASL_PLAINTEXT"),
        ("TLS", "BOTH", "asks for user and password (PLAIN, SCRAM"),
        ("PLAIN", "PASSWORD", "asks for user and password (PLAIN, SCRAM"),
        ("TLS", "PASSWORD", "does not speak TLS, and kafka_security_protocol is SSL"),
        ("BOTH", "TLS", "asks for no user and password"),
    ],
)
async def test_another_protocol_than_the_brokers(
    kafka_doors: Doors, like: str, at: str, part: str
) -> None:
    """A client that comes as if to one door goes to another one."""
    address = kafka_doors.bootstrap(at)
    if like == "PLAIN":
        settings = Settings(_env_file=None, kafka_bootstrap=address)
    else:
        settings = settings_at(kafka_doors, like, kafka_bootstrap=address)
    assert f"Kafka at {address} {part}" in await _denied(settings)


async def test_certificates_that_do_not_fit(kafka_doors: Doors, tmp_path: Path) -> None:
    """Of another authority, of none at all, in no file, and with another name than is called."""
    other = Authority("another authority").write(tmp_path, "other.pem")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for file, part in (
        (other, "certificate that is not accepted (unable to get local issuer certificate)"),
        (None, "certificate that is not accepted (unable to get local issuer certificate)"),
        (nothing, f"kafka_ssl_cafile: {nothing} holds no certificate as PEM"),
        (tmp_path / "missing.pem", "missing.pem: No such file"),
        (tmp_path, "Is a directory"),
    ):
        assert part in await _denied(settings_at(kafka_doors, "TLS", kafka_ssl_cafile=file))
    assert "not valid for 'localhost'" in await _denied(
        settings_at(kafka_doors, "TLS", host="localhost")
    )


async def _shut_out(url: str) -> str:
    """What a command says that the database lets not in, and the doctor; both end with 1."""
    settings = Settings(_env_file=None, database_url=SecretStr(url))
    with pytest.raises(LedgerError) as caught:
        await upgrade(settings.views_url)
    explained = explain(caught.value, settings)
    assert explained is not None
    (found,) = [one async for one in stores.check_views(settings, None)]
    assert (explained.code, found.state) == (ExitCode.FOUND_WRONG, State.BAD), found
    for said in (str(explained), found.text):
        assert quote(WRONG, safe="") not in said
        assert quote(PASSWORD, safe="") not in said
        assert PASSWORD not in said
    return found.text


@pytest.mark.parametrize(
    ("query", "values", "part"),
    [
        ("?sslmode=require", {"password": WRONG}, "password authentication failed"),
        ("?sslmode=disable", {}, "no encryption"),
        ("?sslmode=verify-full&sslrootcert={ca}", {"host": "localhost"}, "not valid for"),
        ("?sslmode=verify-full&sslrootcert={ca}.other", {}, "unable to get local issuer"),
        ("?sslmode=verify-full&sslrootcert=system", {}, "unable to get local issuer"),
        ("?sslmode=verify-full&sslrootcert={ca}.missing", {}, ".missing: No such file"),
        ("?sslmode=verify-full&sslrootcert={ca}.nothing", {}, "holds no certificate as PEM"),
    ],
)
async def test_why_postgresql_lets_nobody_in(
    guarded: Guarded, query: str, values: dict[str, str], part: str
) -> None:
    """In a sentence, without the password."""
    Authority("another authority").write(guarded.cafile.parent, f"{guarded.cafile.name}.other")
    guarded.cafile.with_name(f"{guarded.cafile.name}.nothing").write_text("nothing")
    assert part in await _shut_out(guarded.url(query, **values))


async def test_a_database_without_tls_where_it_is_wanted(postgres_url: str) -> None:
    """It is not spoken to in the clear."""
    assert "SSL" in await _shut_out(f"{postgres_url}?sslmode=require")


async def test_views_built_beside_are_reached_the_same_way(guarded: Guarded) -> None:
    """Settings of a session and those of TLS are given in the same place."""
    url = guarded.url("?sslmode=verify-ca&sslrootcert={ca}", host="localhost")
    await upgrade(url)
    site = open_site(Database(url))
    beside = site.database(BUILD)
    try:
        await site.open()
        await beside.open()
        async with beside.reader() as reader:
            row = await reader.first(text("SELECT current_setting('search_path') AS path"))
        assert row is not None
        assert BUILD in row["path"]
    finally:
        await beside.close()
        await site.close()
