"""The rules on how the code is written, where no other tool keeps them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "tests", "benchmarks", "examples", "migrations")
DOCUMENTS = (
    ".ci/*", ".gitignore", "*.lock", "*.md", "*.toml", "*.yaml", "docker/*", "docs/**/*.md",
    "Makefile",
)  # fmt: skip
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70

BANNED = {
    "an unfinished thought": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
    "a part that is not there": re.compile(r"\bNotImplementedError\b"),
    "a silenced type error without its code": re.compile(r"#\s*type:\s*ignore(?!\[)"),
}
# Of a path: they take whatever cannot be looked at for missing, from Python 3.14 on.
LOOKS = frozenset({"exists", "is_dir", "is_file", "is_symlink"})
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|root|home|Users)/")


def _python_files() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def _problems(path: str, text: str) -> Iterator[str]:
    """Name everything that is wrong with one file."""
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{path}: {len(lines)} lines, {FILE_LINES_MAX} allowed"
    for number, line in enumerate(lines, start=1):
        for what, pattern in BANNED.items():
            if pattern.search(line):
                yield f"{path}:{number}: {what}"
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: a path of one machine"
    for node in ast.walk(ast.parse(text)):
        yield from (f"{path}:{what}" for what in _problems_of_node(path, node))


def _problems_of_node(path: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            yield f"{node.lineno}: {node.name} has {length} lines, {FUNCTION_LINES_MAX} allowed"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "print" and path.startswith("src/") and not path.startswith("src/ops/"):
            yield f"{node.lineno}: only a command prints"
        if node.func.id == "float" and path.startswith("src/ledger/"):
            yield f"{node.lineno}: quantities and money are exact, a float is not"
    if path.startswith("src/") and _is_look(node):
        yield f"{node.lineno}: ledger.presence tells missing from unseen"


def _is_look(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOOKS
        and not node.args
    )


def test_the_code_keeps_its_rules() -> None:
    """Sizes, unfinished parts, printing, floats and paths in all code."""
    found = [
        problem
        for path in _python_files()
        if path != Path(__file__)
        for problem in _problems(path.relative_to(ROOT).as_posix(), path.read_text())
    ]
    assert found == []


def test_documents_name_no_machine() -> None:
    """A path of one machine helps nobody on another."""
    found = [
        path.relative_to(ROOT).as_posix()
        for pattern in DOCUMENTS
        for path in ROOT.glob(pattern)
        if path.is_file() and MACHINE_PATH.search(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/api/long.py", "\n" * (FILE_LINES_MAX + 1)),
        ("src/api/long.py", "def f():\n" + "    pass\n" * FUNCTION_LINES_MAX),
        ("tests/word.py", "# TODO"),
        ("tests/word.py", "raise NotImplementedError"),
        ("tests/word.py", "a = 1  # type: ignore"),
        ("tests/path.py", "open('/root/file')"),
        ("src/api/loud.py", "print(1)"),
        ("src/ledger/domain/inexact.py", "float('1.5')"),
        ("src/ops/look.py", "path.is_file()"),
    ],
)
def test_each_rule_can_fail(path: str, text: str) -> None:
    """A rule that never fails keeps nothing."""
    assert list(_problems(path, text))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/ops/tail.py", "print(1)"),
        ("src/api/float.py", "float('1.5')"),
        ("src/ops/look.py", "is_file(path)"),
        ("tests/look.py", "path.is_file()"),
        ("tests/word.py", "a = 1  # type: ignore[misc]"),
        ("tests/path.py", "client.get('/v1/work/1')"),
    ],
)
def test_what_is_allowed_passes(path: str, text: str) -> None:
    """The rules leave good code alone."""
    assert list(_problems(path, text)) == []
