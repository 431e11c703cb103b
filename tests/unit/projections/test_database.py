"""Which databases are taken for one and the same."""

import socket

import pytest

from projections.database import Database

ADDRESS = "db:5432/stock"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://u:p@db/stock", ADDRESS),
        ("postgresql+asyncpg://other:w0rd@DB:5432/stock", ADDRESS),
        ("postgresql://db:5433/stock", "db:5433/stock"),
        ("postgresql://db/other", "db:5432/other"),
        ("postgresql://u@/stock?host=db&port=5432", ADDRESS),
        ("postgresql://localhost/stock", f"{socket.gethostname()}:localhost:5432/stock"),
        ("postgresql://[::1]/stock", f"{socket.gethostname()}:::1:5432/stock"),
        ("postgresql:///stock", f"{socket.gethostname()}::5432/stock"),
        ("postgresql:///stock?host=/run/pg", f"{socket.gethostname()}:/run/pg:5432/stock"),
        ("sqlite:///views.db", None),
    ],
)
def test_the_address_of_a_database(url: str, address: str | None) -> None:
    """Neither user nor password counts; a name that each machine has for itself is its own."""
    assert Database(url).address == address
