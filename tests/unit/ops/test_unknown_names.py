"""Names with the prefix that no setting has: said by every command that has settings."""

import json
from pathlib import Path

import pytest

from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

# What Kubernetes sets for services named stockledger and stockledger-db in the same namespace.
SERVICES = {
    "STOCKLEDGER_SERVICE_HOST": "10.0.0.1",
    "STOCKLEDGER_SERVICE_PORT": "8000",
    "STOCKLEDGER_SERVICE_PORT_HTTP": "8000",
    "STOCKLEDGER_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "STOCKLEDGER_PORT_8000_TCP_PROTO": "tcp",
    "STOCKLEDGER_PORT_8000_TCP_PORT": "8000",
    "STOCKLEDGER_PORT_8000_TCP_ADDR": "10.0.0.1",
    "STOCKLEDGER_DB_PORT": "udp://10.0.0.2:5432",
    "STOCKLEDGER_DB_PORT_5432_UDP": "udp://10.0.0.2:5432",
    "STOCKLEDGER_DB_SERVICE_HOST": "10.0.0.2",
}
NEAR = "STOCKLEDGER_PROT is set, but there is no such setting; is it STOCKLEDGER_PORT?"
FAR = "STOCKLEDGER_WEATHER is set, but there is no such setting"
IN_FILE = "STOCKLEDGER_DATA_DRI is set in .env, but there is no such setting; "


@pytest.fixture
def _misspelt(monkeypatch: pytest.MonkeyPatch, own_folder: None) -> None:
    monkeypatch.setenv("STOCKLEDGER_PROT", "9000")
    monkeypatch.setenv("STOCKLEDGER_WEATHER", "fine")
    Path(".env").write_text("OTHER=1\nSTOCKLEDGER_PARTITIONS=3\nstockledger_data_dri=elsewhere\n")
    Path(".env").chmod(0o600)


@pytest.mark.parametrize(
    ("command", "code"),
    [(("config",), 0), (("tail",), 1), (("keys", "list"), 0), (("serve", "--host", "x:y"), 2)],
)
@pytest.mark.usefixtures("_misspelt")
def test_each_is_named_with_the_nearest_setting(
    run: Run, command: tuple[str, ...], code: int
) -> None:
    """On stderr, before anything else; what the command does and ends with is the same."""
    found, _, err = run(*command)
    assert found == code, err
    assert err.splitlines()[:3] == [
        f"stockledger: {IN_FILE}is it STOCKLEDGER_DATA_DIR?",
        f"stockledger: {NEAR}",
        f"stockledger: {FAR}",
    ]


@pytest.mark.usefixtures("_misspelt")
def test_whoever_looks_for_mistakes_finds_them_once(run: Run) -> None:
    """Among the findings, and not on stderr too."""
    code, out, err = run("config", "--check", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["wrong"] == [f"{IN_FILE}is it STOCKLEDGER_DATA_DIR?", NEAR, FAR]
    _, out, err = run("doctor", "--json", "--port", "0")
    assert err == ""
    found = [one for one in json.loads(out)["findings"] if one["check"] == "settings"]
    assert [(one["text"], one["advice"]) for one in found] == [
        (IN_FILE.rstrip("; "), "is it STOCKLEDGER_DATA_DIR?"),
        (NEAR.partition(";")[0], "is it STOCKLEDGER_PORT?"),
        (FAR, "is it misspelt?"),
    ]
    assert {one["state"] for one in found} == {"warn"}


def test_what_kubernetes_sets_is_nobodys_mistake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of services are let pass, and a number under such a name is not."""
    for name, value in SERVICES.items():
        monkeypatch.setenv(name, value)
    code, _, err = run("config", "--check")
    assert (code, err) == (0, "")
    monkeypatch.setenv("STOCKLEDGER_DB_PORT", "5432")
    _, _, err = run("config")
    assert err.startswith("stockledger: STOCKLEDGER_DB_PORT is set, but there is no such setting")


def test_a_service_of_the_same_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the place of the port, which is said with what to do; a flag goes before it."""
    monkeypatch.setenv("STOCKLEDGER_PORT", "tcp://10.0.0.1:8000")
    code, out, err = run("config")
    assert (code, out) == (2, "")
    assert err == (
        "stockledger: port (STOCKLEDGER_PORT, --port): is set by Kubernetes for a service; "
        "use enableServiceLinks: false\n"
    )
    assert run("config", "--port", "8000")[0] == 0
