"""What is asked of history: up to where, since when, and of what."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ledger.domain import codes
from ledger.domain.rejections import Rejected
from ledger.events.partitioner import Partitioner
from ops.console import CommandError

Positions = dict[int, int]


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that decides the answer, beside the log itself.

    Instants are microseconds (`_us`) or milliseconds (`_ms`) since 1970; positions are those of
    records, the offset of the last one by partition. `as_…` holds what lies at it, `since…` does
    not, so that ranges that follow each other add up. Partitions that a position does not name are
    left out.
    """

    as_of_us: int | None = None
    as_known_at_ms: int | None = None
    as_of_position: Positions | None = None
    since_us: int | None = None
    since_known_at_ms: int | None = None
    since_position: Positions | None = None
    sku: str | None = None
    location: str | None = None
    partitions: tuple[int, ...] | None = None

    @property
    def has_range(self) -> bool:
        """Whether what came and went in a range is asked for, too."""
        since = (self.since_us, self.since_known_at_ms, self.since_position)
        return any(one is not None for one in since)

    def chosen(self, count: int) -> list[int]:
        """The partitions to replay, of a log that has `count`.

        Raises CommandError if one is none of the log, or does not hold the SKU.
        """
        named = [
            set(one)
            for one in (self.partitions, self.as_of_position, self.since_position)
            if one is not None
        ]
        for partition in sorted(set().union(*named)):
            if partition >= count:
                raise CommandError(
                    f"there is no partition {partition}: the log has {count}, from 0 on"
                )
        chosen = set(range(count)).intersection(*named)
        if self.sku is not None:
            home = Partitioner(count).partition_of(self.sku)
            if home not in chosen:
                raise CommandError(
                    f"{self.sku} lies in partition {home}, which the question leaves out"
                )
            return [home]
        if not chosen:
            raise CommandError("the positions and partitions that are named have none in common")
        return sorted(chosen)

    def document(self) -> dict[str, Any]:
        """The question as it was asked, for whoever reads the answer."""
        return {
            "as_of": _instant_text(self.as_of_us),
            "as_known_at": _instant_text(_micro(self.as_known_at_ms)),
            "as_of_position": _keys(self.as_of_position),
            "since": _instant_text(self.since_us),
            "since_known_at": _instant_text(_micro(self.since_known_at_ms)),
            "since_position": _keys(self.since_position),
            "sku": self.sku,
            "location": self.location,
            "partitions": None if self.partitions is None else sorted(self.partitions),
        }


def ask(given: Mapping[str, Any]) -> Question:
    """The question of the command's flags, by their names. Raises CommandError."""
    partitions = given["partition"]
    question = Question(
        as_of_us=_instant("--as-of", given["as_of"]),
        as_known_at_ms=_milli(_instant("--as-known-at", given["as_known_at"])),
        as_of_position=_positions("--as-of-position", given["as_of_position"]),
        since_us=_instant("--since", given["since"]),
        since_known_at_ms=_milli(_instant("--since-known-at", given["since_known_at"])),
        since_position=_positions("--since-position", given["since_position"]),
        sku=given["sku"],
        location=given["location"],
        partitions=tuple(sorted(set(partitions))) if partitions else None,
    )
    _check_names(question)
    _check_ranges(question)
    return question


def _check_names(question: Question) -> None:
    for flag, name, check in (
        ("--sku", question.sku, codes.check_sku),
        ("--location", question.location, codes.check_location),
    ):
        wrong = None if name is None else check(name)
        if wrong is not None:
            raise CommandError(f"{flag}: {wrong.detail}")


def _check_ranges(question: Question) -> None:
    since = (question.since_us, question.since_known_at_ms, question.since_position)
    if sum(one is not None for one in since) > 1:
        raise CommandError("--since, --since-known-at and --since-position: give one of them")
    for flag, start, end in (
        ("--since", question.since_us, question.as_of_us),
        ("--since-known-at", question.since_known_at_ms, question.as_known_at_ms),
    ):
        if start is not None and end is not None and start >= end:
            raise CommandError(f"{flag} is not before the end of the range: it holds nothing")
    for partition, offset in (question.since_position or {}).items():
        end = (question.as_of_position or {}).get(partition)
        if end is not None and offset >= end:
            raise CommandError(
                f"--since-position {partition}:{offset} is not before {partition}:{end}: the range "
                "holds nothing"
            )


def _instant(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    instant = codes.instant(text)
    if isinstance(instant, Rejected):
        raise CommandError(f"{flag}: {instant.detail}")
    return instant


def _positions(flag: str, text: str | None) -> Positions | None:
    if text is None:
        return None
    # Only here the views' package is needed.
    from projections.positions import InvalidPosition, parse_positions

    try:
        return parse_positions(text)
    except InvalidPosition as error:
        raise CommandError(f"{flag}: {error}") from None


def _milli(microseconds: int | None) -> int | None:
    """Records know milliseconds: what is recorded in this one lies at the instant or before."""
    return None if microseconds is None else microseconds // 1000


def _micro(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds * 1000


def _instant_text(microseconds: int | None) -> str | None:
    return None if microseconds is None else codes.instant_text(microseconds)


def _keys(positions: Positions | None) -> dict[str, int] | None:
    if positions is None:
        return None
    return {str(one): offset for one, offset in sorted(positions.items())}
