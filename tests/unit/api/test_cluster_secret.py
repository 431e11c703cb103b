"""The secret of the instances: where it is needed, and what it does not open."""

from pathlib import Path
from typing import Any

import pytest

from api.edge import Head
from api.internal import SecretRequired, check_secret
from api.keys import create_key
from api.problems import Problem
from api.security import Gate
from ledger.config import Settings

SECRET = "a-secret-of-the-cluster"


def test_the_secret_opens_nothing_else(tmp_path: Path) -> None:
    """Callers need a key of their own."""
    file = tmp_path / "keys.json"
    create_key(file, "shop")
    gate = Gate(Settings(_env_file=None, api_keys_file=file, cluster_secret=SECRET))
    scope = {"query_string": b"", "headers": [(b"authorization", f"Bearer {SECRET}".encode())]}
    with pytest.raises(Problem) as caught:
        gate.admit("GET", Head(scope))
    assert caught.value.code == "unauthorized"


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({}, False),
        ({"roles": "api"}, False),
        ({"cluster_secret": SECRET}, True),
        ({"roles": "projector"}, True),
        ({"kafka_bootstrap": None}, True),
        ({"host": "127.0.0.1"}, True),
    ],
)
def test_where_a_secret_is_needed(values: dict[str, Any], allowed: bool) -> None:
    """Where other machines could send commands as if they were instances."""
    given = {"kafka_bootstrap": "127.0.0.1:9", "host": "0.0.0.0", **values}
    settings = Settings(_env_file=None, **given)
    if allowed:
        check_secret(settings)
        return
    with pytest.raises(SecretRequired, match="STOCKLEDGER_CLUSTER_SECRET"):
        check_secret(settings)
