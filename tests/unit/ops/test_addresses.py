"""Addresses that lead nowhere, of a server to ask or to listen on, are told in a sentence each."""

import json
from pathlib import Path

import httpx
import pytest

from ops.console import CommandError, ExitCode
from ops.loading.client import BulkClient, Item
from tests.unit.ops.mapping_files import MINIMAL
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

EXPECTED = "expected http://host:port"
UNKNOWN = "it is no address, and no name that leads to an IPv4 one"
# RFC 5737 and RFC 3849 give them to documents.
FOREIGN = ("192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://", f"http:// is no address; {EXPECTED}"),
        ("http:///", f"http:/// is no address; {EXPECTED}"),
        ("http://:8000", f"http://:8000 is no address; {EXPECTED}"),
        ("http://ho st", f"http://ho st is no address; {EXPECTED}"),
        ("http://127.0.0.1:0", f"http://127.0.0.1:0 is no address; {EXPECTED}"),
        ("http://h?x=1", f"http://h?x=1 is no address; {EXPECTED}"),
        ("http://h#there", f"http://h#there is no address; {EXPECTED}"),
        ("http://h/v1", "http://h/v1: the /v1 is added to an address; give http://h"),
        (
            "http://h:1/of/v1/",
            "http://h:1/of/v1/: the /v1 is added to an address; give http://h:1/of",
        ),
    ],
)
def test_no_server_has_this_address(run: Run, url: str, says: str) -> None:
    """Nobody waits for it, and no progress is shown before it is said."""
    Path("a.csv").write_text("Code,Quantity\nA,1\n")
    Path("m.toml").write_text(MINIMAL)
    for command in (("load", "a.csv", "--mapping", "m.toml"), ("explain", "A")):
        assert run(*command, "--url", url) == (2, "", f"stockledger: {says}\n")


async def test_a_path_where_no_ledger_is() -> None:
    """It may be that of a proxy, so it is asked; what it says is no server that is away."""
    nothing = httpx.MockTransport(lambda _asked: httpx.Response(404, json={"detail": "no such"}))
    client = BulkClient("http://h/elsewhere", None, 0, lambda _why: None, nothing)
    with pytest.raises(CommandError) as caught:
        await client.send([Item(2, {})])
    await client.close()
    assert str(caught.value) == (
        "http://h/elsewhere answers 404 to /v1/movements/bulk behind it; expected "
        "http://host:port, or the path by which a proxy leads to the server"
    )
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("999.1.1.1", UNKNOWN),
        ("a b", UNKNOWN),
        ("http://127.0.0.1", UNKNOWN),
        ("1:2:3", "it is no IPv6 address"),
        *((host, "this machine has no such address") for host in FOREIGN),
    ],
)
@pytest.mark.parametrize("keys", [False, True])
def test_nobody_can_listen_there(run: Run, host: str, says: str, keys: bool) -> None:
    """Whether or not there are keys: they would not help."""
    if keys:
        assert run("keys", "create", "shop")[0] == 0
    code, out, err = run("serve", "--host", host, "--port", "0")
    assert (code, out, err) == (2, "", f"stockledger: cannot listen on {host}: {says}\n")


def test_what_could_be_no_name(run: Run) -> None:
    """It is found before anybody tries to listen there."""
    for host in ("ü" * 70, "a" * 70, "a..b"):
        code, out, err = run("serve", "--host", host)
        assert (code, out) == (2, "")
        assert err == (
            "stockledger: host (STOCKLEDGER_HOST, --host): it is no address, and no name that "
            "could lead to one\n"
        )


def test_an_address_in_brackets(run: Run) -> None:
    """As in a URL, which some write everywhere."""
    code, out, _ = run("config", "--json", "--host", "[::1]")
    assert (code, json.loads(out)["settings"]["host"]) == (0, "::1")
