"""docs/planning.md is true: its formulas are the code's, its backtest is that of its command.

What stands behind `<!-- formulas: MODULE -->` or `<!-- backtest -->`, up to the next blank line, is
made. After a change `python -m tests.test_docs_planning` writes all of it anew.
"""

import re
import shlex
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.schemas.planning_parts import ForecastRequest
from ops.cli import app
from projections.planning.forecasting.options import Options

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "planning.md"
MADE = re.compile(
    r"(^<!-- (formulas|backtest):? ?(\S*) -->)(.*?)(?=\n\n|\n?\Z)", re.DOTALL | re.MULTILINE
)
COMMAND = re.compile(r"^stockledger (plan-backtest (?:.*\\\n)*.*)$", re.MULTILINE)
COLUMNS = ("name", "symbol", "meaning", "unit", "formula", "over", "source")


def _formulas(module: str) -> str:
    """A table of a module's formulas, without columns that are empty for all of them."""
    found = import_module(f"projections.planning.{module}").FORMULAS
    rows = [[str(getattr(one, name, "")) for name in COLUMNS] for one in found]
    kept = [number for number in range(len(COLUMNS)) if any(row[number] for row in rows)]
    lines = [[COLUMNS[number] for number in kept], ["---"] * len(kept)]
    lines += [[_cell(row, number) for number in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row: list[str], number: int) -> str:
    text = row[number].replace("|", "\\|")
    return f"`{text}`" if number == 0 else text


def _backtest(text: str) -> str:
    """What the command of the document prints, run in the repository."""
    command = COMMAND.search(text)
    assert command is not None
    arguments = shlex.split(command[1].replace("\\\n", " "))
    paths = [str(ROOT / one) if one.startswith("examples/") else one for one in arguments]
    done = CliRunner().invoke(app, paths)
    assert done.exit_code == 0, done.output
    table, _, size = str(done.stdout).partition("\n\n")
    assert size.strip().removesuffix(".") in text, size
    return table


def _renewed(text: str, kind: str) -> str:
    def made(found: Any) -> str:
        if found[2] != kind:
            return str(found[0])
        return f"{found[1]}\n{_formulas(found[3]) if kind == 'formulas' else _backtest(text)}"

    return MADE.sub(made, text)


@pytest.mark.parametrize("kind", ["formulas", "backtest"])
def test_what_is_made_from_the_code_is_current(kind: str) -> None:
    """Tables of formulas, and the result of the backtest to its last digit."""
    text = DOCUMENT.read_text()
    assert f"<!-- {kind}" in text
    assert text == _renewed(text, kind), "run `python -m tests.test_docs_planning`"


def test_every_formula_is_documented() -> None:
    """No module with formulas is left out; forecasts have a page of their own."""
    folder = ROOT / "src" / "projections" / "planning"
    modules = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if re.search(r"^FORMULAS\b", path.read_text(), re.MULTILINE)
    }
    listed = {found[3] for found in MADE.finditer(DOCUMENT.read_text()) if found[3]}
    assert listed == modules - {"forecasting.formulas"}


def test_the_page_of_forecasts_names_no_option_that_a_run_does_not_have() -> None:
    """The functions know more than may be asked for."""
    page = (ROOT / "docs" / "forecasting.md").read_text()
    named = {one.name for one in fields(Options) if f"`{one.name}`" in page}
    assert "origins" in named
    assert named <= ForecastRequest.model_fields.keys()


if __name__ == "__main__":
    for one in ("formulas", "backtest"):
        DOCUMENT.write_text(_renewed(DOCUMENT.read_text(), one))
