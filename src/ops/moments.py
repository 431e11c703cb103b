"""Moments that flags name: `--as-of`, `--as-known-at`, `--as-of-position`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ops.console import CommandError

if TYPE_CHECKING:
    from projections.database import ReadConnection
    from projections.history.moments import Moment

_Option = typer.Option

AsOf = Annotated[
    str | None,
    _Option("--as-of", metavar="INSTANT", help="Count what occurred by then.", show_default=False),
]
AsKnownAt = Annotated[
    str | None,
    _Option(
        "--as-known-at",
        metavar="INSTANT",
        help="Count what was recorded by then.",
        show_default=False,
    ),
]
AsOfPosition = Annotated[
    str | None,
    _Option(
        "--as-of-position",
        metavar="3:17",
        help="Count records up to this one.",
        show_default=False,
    ),
]


class Asked(NamedTuple):
    """What the flags say, instants in microseconds since 1970 UTC; None where nothing is said."""

    as_of_us: int | None
    as_known_at_us: int | None
    positions: Mapping[int, int] | None

    @property
    def anything(self) -> bool:
        """Whether a moment is named; else the present is meant."""
        return self != (None, None, None)


def ask(occurred: str | None, known: str | None, position: str | None) -> Asked:
    """Read the flags. Raises CommandError."""
    return Asked(
        _instant("--as-of", occurred),
        _instant("--as-known-at", known),
        None if position is None else _positions(position),
    )


async def moment_of(reader: "ReadConnection", asked: Asked) -> "Moment":
    """The moment in the views as they are. Raises CommandError for a position they lack."""
    from projections.history.moments import resolve

    await _check(reader, asked.positions or {})
    known = asked.as_known_at_us
    return await resolve(
        reader,
        as_of_us=asked.as_of_us,
        as_known_at_ms=None if known is None else known // 1000,
        positions=asked.positions,
    )


def check_partition(asked: Asked, sku: str, partition: int) -> None:
    """Raises CommandError for a position that does not name the SKU's partition: nothing of it
    would be left out, whatever moment was meant."""
    if asked.positions is not None and partition not in asked.positions:
        raise CommandError(f"--as-of-position: the SKU {sku} is in partition {partition}")


def _instant(name: str, text: str | None) -> int | None:
    from ledger.domain.codes import instant
    from ledger.domain.rejections import Rejected

    if text is None:
        return None
    found = instant(text)
    if isinstance(found, Rejected):
        raise CommandError(f"{name}: {found.detail}")
    return found


def _positions(text: str) -> dict[int, int]:
    from projections.positions import NOTHING, InvalidPosition, parse_positions

    try:
        return parse_positions(text, least=NOTHING)
    except InvalidPosition as error:
        raise CommandError(f"--as-of-position: {error}") from None


async def _check(reader: "ReadConnection", wanted: Mapping[int, int]) -> None:
    from projections.positions import read_positions

    known = await read_positions(reader)
    for partition, offset in wanted.items():
        if known and partition > max(known):
            raise CommandError(
                f"--as-of-position: there is no partition {partition}; 0 to {max(known)}"
            )
        if offset >= known.get(partition, 0):
            raise CommandError(f"--as-of-position: the views have not read {partition}:{offset}")
