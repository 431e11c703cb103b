"""The documentation is true: its links lead somewhere, its examples run, its tables are the code's.

What stands behind a marker `<!-- made: NAME -->`, up to the next blank line, is made from the code.
After a change `python -m tests.test_docs` writes all of it anew.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic_core import PydanticUndefined

from api.problems import PROBLEMS
from ledger.config import ENV_PREFIX, Settings
from ledger.domain.rejections import Code
from ledger.errors import LevelUnsupported
from ledger.events.chain import Chain
from ledger.events.codec import encode
from ledger.events.envelope import DATA_TYPES, LEVEL_RAISED
from ledger.events.partitioner import Partitioner
from tests.example_events import LEDGER_ID, SKU, examples
from tests.unit.ledger.domain.test_refusals import ROWS

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
MADE = re.compile(r"(^<!-- made: (\S+) -->)(.*?)(?=\n\n|\n?\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# What is run as written; a block that is only to be read or typed elsewhere is `console`.
RUN = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
ADDRESS = "127.0.0.1:8000"
# What the tour of the README shows.
TOUR = (
    '"name":"Lantern"', '"code":"insufficient_stock"', '"shortfall":"5"', "HTTP/1.1 200 OK",
    "idempotency-replayed: true", '"on_hand":"6"', '"type":"reversal"', '"index":1',
    '{"status":"ready"}',
)  # fmt: skip
LINE_LENGTH_MAX = 120
# Of what is run; generous, for machines that do many other things at once.
SECONDS_MAX = 200


def _made(name: str) -> str:
    """What belongs behind the marker of that name."""
    if name == "settings":
        return _settings_table()
    if name == "codes":
        return _codes_table(get_args(Code))
    if name == "http-codes":
        return _codes_table([code for code in PROBLEMS if code not in get_args(Code)])
    return f"```json\n{_pretty(json.loads(examples()[name].value))}\n```"


def _settings_table() -> str:
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=False)
        shown = default if default is not PydanticUndefined else None
        if isinstance(default, frozenset):
            shown = ",".join(sorted(default))
        elif isinstance(default, bool):
            shown = str(default).lower()
        code = "" if shown is None else f"`{shown}`"
        lines.append(f"| `{name}` | {code} | {field.description}{_range(field.metadata)} |")
    return "\n".join(lines)


def _range(metadata: list[Any]) -> str:
    # Ge, Gt and Le of annotated_types, each with one attribute of that name.
    found = {kind: getattr(one, kind) for one in metadata for kind in ("ge", "gt", "le")
             if hasattr(one, kind)}  # fmt: skip
    if "le" not in found:
        return ""
    low = f"{found['ge']:,}" if "ge" in found else f"more than {found['gt']}"
    return f" ({low} to {found['le']:,})"


def _codes_table(codes: Any) -> str:
    rows = [f"| `{code}` | {PROBLEMS[code][0]} | {PROBLEMS[code][1]} |" for code in codes]
    return "\n".join(["| code | status | title |", "|---|---|---|", *rows])


def _pretty(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON with whatever fits into a line on one line; `before` characters stand in front of it."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + before < LINE_LENGTH_MAX or not isinstance(value, dict | list):
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, list):
        inner = [pad + _pretty(one, indent + 2, indent + 2) for one in value]
        return "[\n" + ",\n".join(inner) + f"\n{' ' * indent}]"
    starts = {name: f'{pad}"{name}": ' for name in value}
    inner = [start + _pretty(value[name], indent + 2, len(start)) for name, start in starts.items()]
    return "{\n" + ",\n".join(inner) + f"\n{' ' * indent}}}"


def _renew(text: str) -> str:
    return MADE.sub(lambda found: f"{found[1]}\n{_made(found[2])}", text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_what_is_made_from_the_code_is_current(path: Path) -> None:
    """Settings, codes and example events in the documents are those of the code."""
    text = path.read_text()
    assert text == _renew(text), "run `python -m tests.test_docs`"


def test_everything_that_is_made_is_somewhere() -> None:
    """No table and no event type is missing."""
    found = {match[2] for path in DOCUMENTS for match in MADE.finditer(path.read_text())}
    assert found == {"settings", "codes", "http-codes", *DATA_TYPES}


def test_every_code_has_its_place_in_the_precedence() -> None:
    """The order of answers in docs/http.md names every refusal of the ledger."""
    text = (ROOT / "docs/http.md").read_text()
    part = text.split("## Which answer comes first", 1)[1].split("\n## ", 1)[0]
    assert set(get_args(Code)) <= set(re.findall(r"`(\w+)`", part))
    # The forms of a movement, as the table of the tests has them.
    movement = part.split("- A movement: ", 1)[1].split("\n   - ", 1)[0]
    forms = re.findall(r"`(invalid_\w+)`", movement)
    for _, rows in groupby(ROWS, key=lambda row: row[0]):
        said = iter(forms)
        for code, _ in groupby(row[3] for row in rows):
            assert code in said, f"{code} is not where it comes in {forms}"


def test_the_example_events_are_one_history() -> None:
    """They continue each other's chain, can be read, and are written the same again."""
    chain = Chain(Partitioner(12).partition_of(SKU))
    for kind, record in examples().items():
        before = chain.head
        if kind == LEVEL_RAISED:
            with pytest.raises(LevelUnsupported):
                chain.accept(record)
            continue
        fact = chain.accept(record)
        assert encode(fact, f"/stockledger/{LEDGER_ID}", before) == (record.key, record.value)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path: Path) -> None:
    """A link inside the repository names a file that is there, and a heading that is in it."""
    broken = []
    for target in LINK.findall(BLOCK.sub("", path.read_text())):
        if target.startswith(("https://", "http://")):
            continue
        name, _, heading = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists() or (heading and heading not in _headings(file)):
            broken.append(target)
    assert broken == []


def _headings(path: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", BLOCK.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in lines}


def test_asyncapi_refers_to_what_is_there() -> None:
    """Every event type is a message, and every reference resolves."""
    document = yaml.safe_load((ROOT / "asyncapi.yaml").read_text())
    assert document["asyncapi"].startswith("3.")
    types = {path.stem for path in (ROOT / "schemas").rglob("*.json")}
    assert types == {one["name"] for one in document["components"]["messages"].values()}
    for reference in _references(document):
        file, _, pointer = reference.partition("#")
        found: Any = document if not file else json.loads((ROOT / file).read_text())
        for part in pointer.strip("/").split("/") if pointer.strip("/") else ():
            found = found[part.replace("~1", "/").replace("~0", "~")]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = [*value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _references(one)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An embedded server: its address, and the folder it was started in."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "examples").symlink_to(ROOT / "examples")
    plain = {name: one for name, one in os.environ.items() if not name.startswith(ENV_PREFIX)}
    command = [sys.executable, "-m", "ops", "serve", "--port", "0", "--log-level", "warning"]
    command += ["--view-wait-seconds", "60"]
    with subprocess.Popen(
        command, cwd=folder, env=plain, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready http://"), line
            yield line.split()[1].removeprefix("http://"), folder
        finally:
            process.terminate()
            process.wait(SECONDS_MAX)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_what_can_be_run_runs(path: Path, server: tuple[str, Path]) -> None:
    """Shell and Python blocks work as written; only the port is another one."""
    if not (shutil.which("curl") or os.environ.get("CI")):
        pytest.skip("NOT TESTED: there is no curl")
    printed = ""
    for language, code in BLOCK.findall(path.read_text()):
        if language in RUN:
            printed += _run([*RUN[language], code.replace(ADDRESS, server[0])], server[1])
    if path.name == "README.md":
        assert [text for text in TOUR if text not in printed] == []


def _run(command: list[str], folder: Path) -> str:
    """What a command prints; it must succeed. A proxy has no part in what is on this machine."""
    own = {"NO_PROXY": "*", "no_proxy": "*", "XDG_STATE_HOME": str(folder / "state")}
    # The commands of this environment, as if it were activated.
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=folder, env=os.environ | own,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=SECONDS_MAX,
    )  # fmt: skip
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}"
    return done.stdout


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(_renew(document.read_text()))
