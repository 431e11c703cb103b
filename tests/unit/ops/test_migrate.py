"""`stockledger migrate` and the data directory."""

from pathlib import Path

import pytest

from ledger.config import Settings
from ops.console import CommandError
from ops.migrate import migrate
from ops.views import with_views


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Away from any `.env`."""
    monkeypatch.chdir(tmp_path)


def test_views_elsewhere_need_no_data_directory(tmp_path: Path) -> None:
    """An empty one would look like a ledger that was lost."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/elsewhere/views.db")
    migrate(settings)

    async def nothing(_database: object) -> None:
        pass

    with_views(settings, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]


def test_a_server_that_is_away_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nor does a folder that cannot be made."""
    for url in ("postgresql://u@127.0.0.1:9/d", "sqlite:////dev/null/x/views.db"):
        with pytest.raises(CommandError):
            migrate(Settings(database_url=url))
    assert list(tmp_path.iterdir()) == []


def test_views_of_the_data_directory_make_it(tmp_path: Path) -> None:
    """Also where the log is on Kafka; and it is said why it cannot be made."""
    migrate(Settings(kafka_bootstrap="127.0.0.1:9"))
    assert (tmp_path / "data" / "views.db").is_file()
    with pytest.raises(CommandError, match="data directory /dev/null/x cannot be written"):
        migrate(Settings(data_dir=Path("/dev/null/x")))
