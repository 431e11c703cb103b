"""`stockledger reconcile`: what is wrong with its use is said before anything is opened."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.console import CommandError

MAPPING = '[fields]\nsku = "{sku}"\nquantity = "{quantity}"\n'


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (None, (), "there is no file"),
        ("", (), "no line of column names"),
        ("sku,quantity\n", (), "no line of stock"),
        ("sku,amount\nA,1\n", (), "the file has no column 'quantity'"),
        ("sku,quantity\nA,1\n", ("--tolerance", "-1"), "--tolerance: expected"),
        ("sku,quantity\nA,1\n", ("--tolerance", "some"), "--tolerance: expected"),
        ("sku,quantity\nA,1\n", ("--reason", "because"), "--reason: a reason is one of"),
        ("sku,quantity\nA,1\n", ("--as-of", "yesterday"), "--as-of: expected an instant"),
        ("sku,quantity\nA,1\n", ("--as-of", "2999-01-01T00:00:00Z"), "has not come yet"),
        ("sku,quantity\nA,1\n", ("--as-of-position", "3"), "--as-of-position: expected"),
        ("sku,quantity\nA,1\n", ("--as-of-position", "0:1,0:2"), "has one position only"),
        ("sku,quantity\nA,1\n", ("--min-position", "x:1"), "--min-position: expected"),
        (
            "sku,quantity\nA,1\n",
            ("--as-of", "2026-01-01T00:00:00Z", "--as-of-position", "0:1"),
            "not both",
        ),
    ],
)
def test_wrong_use(
    tmp_path: Path, content: str | None, arguments: tuple[str, ...], says: str
) -> None:
    """One sentence, exit code 2, and no data directory is made."""
    file, mapping = tmp_path / "a.csv", tmp_path / "m.toml"
    mapping.write_text(MAPPING)
    if content is not None:
        file.write_text(content)
    folder = tmp_path / "data"
    done = CliRunner().invoke(
        app,
        ["reconcile", str(file), "--mapping", str(mapping), "--data-dir", str(folder), *arguments],
    )
    assert isinstance(done.exception, CommandError)
    assert says in str(done.exception)
    assert done.exception.code == 2
    assert not folder.exists()


def test_the_statement_is_not_written_over(tmp_path: Path) -> None:
    """By whatever name it is called."""
    file, mapping, link = tmp_path / "a.csv", tmp_path / "m.toml", tmp_path / "link.csv"
    mapping.write_text(MAPPING)
    file.write_text("sku,quantity\nA,1\n")
    link.symlink_to(file)
    for output in (file, link, mapping):
        done = CliRunner().invoke(
            app, ["reconcile", str(file), "--mapping", str(mapping), "--csv", str(output)]
        )
        assert isinstance(done.exception, CommandError)
        assert "is a file that the command reads" in str(done.exception)
    assert file.read_text() == "sku,quantity\nA,1\n"


def test_no_views_yet(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    (tmp_path / "a.csv").write_text("sku,quantity\nA,1\n")
    (tmp_path / "m.toml").write_text(MAPPING)
    done = CliRunner().invoke(
        app,
        ["reconcile", str(tmp_path / "a.csv"), "--mapping", str(tmp_path / "m.toml"),
         "--data-dir", str(tmp_path / "data")],
    )  # fmt: skip
    assert isinstance(done.exception, CommandError)
    assert (done.exception.code, "there are no views" in str(done.exception)) == (1, True)
