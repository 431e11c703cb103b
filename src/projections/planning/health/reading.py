"""Stock health read from the demand view at one position of the log."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from sqlalchemy import select, text

from ledger.errors import LedgerError
from projections.database import ReadConnection
from projections.planning.days import Days, Integers
from projections.planning.errors import PlanningError
from projections.planning.health.documents import date_text, shown_figures, shown_number
from projections.planning.health.figures import Figure
from projections.planning.health.groups import Measured, by_group
from projections.planning.health.losses import Losses, losses_by_reason
from projections.planning.health.measures import COLUMNS
from projections.planning.health.parameters import HealthParameters, buckets
from projections.planning.health.sites import SiteValues
from projections.planning.reading import Wanted, read_days, read_upto, shares
from projections.planning.reason_reading import read_reasons
from projections.planning.run_fields import planning_results

By = Literal["total", "site", "class"]
# A row costs about 160 bytes while it is read, so that one question takes 160 MB at most.
ROWS_MAX: Final = 1_000_000
CELLS_MAX: Final = 10_000
# Made and let go a million at a time; so many take some ten seconds.
SITE_ROWS_MAX: Final = 20_000_000
WINDOW_DAYS: Final = 365
UNCLASSIFIED: Final = "unclassified"
_COUNTED: Final = text("SELECT count(*) AS n FROM (SELECT 1 FROM sku_days LIMIT :most) AS sampled")


class HealthTooLargeError(LedgerError):
    """More is asked for than one answer may be computed from."""


class Question(NamedTuple):
    """Whose health: of all or one SKU, of all or one site, by what; `run` has the classes.

    Without a `last_day` in `days` the window ends with the last movement.
    """

    by: By
    sku: str | None
    site: str | None
    run_id: str | None
    days: tuple[int | None, int | None]
    limits: Mapping[str, Any]


class Groups(NamedTuple):
    """Series with the number of each one's group."""

    of: Measured
    labels: Integers
    names: Sequence[str]


async def read_health(reader: ReadConnection, question: Question) -> dict[str, Any] | None:
    """The document of the answer; None if nothing is known of what is asked for.

    Raises HealthTooLargeError, DemandNotReady, PlanningError.
    """
    upto = await read_upto(reader)
    first, last = question.days
    until = None if last is None else last + 1
    skus = None if question.sku is None else [question.sku]
    if skus is None:
        await _refuse_too_many(reader, upto)
    days = await read_days(reader, upto, Wanted(columns=COLUMNS, skus=skus, until_day=until))
    if question.sku is not None and len(days) == 0 and not days.left_out:
        return None
    classes = await _classes(reader, question.run_id) if question.run_id else {}
    parameters = _parameters(days, first, last, question.limits)
    items, left_out = await asyncio.to_thread(_items, days, question, classes, parameters)
    reasons = await read_reasons(
        reader, upto, Wanted(skus=skus, site=question.site, until_day=until)
    )
    losses = [_loss(one, parameters) for one in losses_by_reason(reasons, parameters)]
    position = {str(one): offset - 1 for one, offset in sorted(upto.items()) if offset > 0}
    return {
        "by": question.by,
        "items": items,
        "losses": losses,
        "left_out": sorted({*left_out, *reasons.left_out}),
        "as_of_position": position,
    }


async def _refuse_too_many(reader: ReadConnection, upto: Mapping[int, int]) -> None:
    """Raise HealthTooLargeError if more than `ROWS_MAX` rows would be read, or made of the log."""
    counted = await reader.all(_COUNTED.bindparams(most=ROWS_MAX + 1))
    unread = sum(one.part.until - one.part.first for one in await shares(reader, upto))
    if counted[0]["n"] + unread > ROWS_MAX:
        raise HealthTooLargeError(
            f"the ledger has more than {ROWS_MAX:,} days of SKUs, or of movements that are not "
            "summed up by day yet; ask for one SKU, or for the health of a planning run"
        )


def _parameters(
    days: Days, first: int | None, last: int | None, limits: Mapping[str, Any]
) -> HealthParameters:
    if last is None:
        last = int(days.day.max()) if len(days.day) else (first or 0)
        if first is not None and first > last:
            detail = f"the last movement was before it, on {date_text(last)}"
            raise PlanningError("first_day", detail)
    return HealthParameters(last - WINDOW_DAYS + 1 if first is None else first, last, **limits)


async def _classes(reader: ReadConnection, run_id: str) -> dict[tuple[str, str], str]:
    """The class of each series of a run."""
    r = planning_results.c
    rows = await reader.all(select(r.sku, r.site, r.abc).where(r.run_id == run_id))
    return {(row["sku"], row["site"]): row["abc"] or UNCLASSIFIED for row in rows}


def _items(
    days: Days,
    question: Question,
    classes: Mapping[tuple[str, str], str],
    parameters: HealthParameters,
) -> tuple[list[dict[str, Any]], Sequence[str]]:
    """What `items` holds, and the SKUs that are left out. Raises HealthTooLargeError."""
    groups = _groups(days, question, classes)
    if question.sku in groups.of.left_out:
        raise HealthTooLargeError(f"numbers of the SKU {question.sku} add up beyond 64 bits")
    if len(groups.names) * len(buckets(parameters)) > CELLS_MAX:
        raise HealthTooLargeError(f"groups times buckets are more than {CELLS_MAX:,}")
    if isinstance(groups.of, SiteValues) and int(groups.of.rows().sum()) > SITE_ROWS_MAX:
        raise HealthTooLargeError(
            f"the sites have more than {SITE_ROWS_MAX:,} days on which stock of theirs is valued "
            "anew; ask for one site or one SKU, or for the health of a planning run"
        )
    found = by_group(groups.of, parameters, groups.labels, len(groups.names))
    items = [_item(name, number, found, parameters) for number, name in enumerate(groups.names)]
    return items, groups.of.left_out


def _groups(days: Days, question: Question, classes: Mapping[tuple[str, str], str]) -> Groups:
    apart = question.by == "site" or question.site is not None or any(s for _, s in classes)
    of: Measured = SiteValues(days) if apart else days.by_sku()
    if question.site is not None:
        of = of.only(np.flatnonzero(np.array(of.sites, object) == question.site))
    keys = list(zip(of.skus, of.sites, strict=True))
    if question.by == "site":
        named = [site for _, site in keys]
    elif question.by == "class":
        # A run that looks at all sites together has one class for all of them.
        named = [classes.get(key) or classes.get((key[0], ""), UNCLASSIFIED) for key in keys]
    else:
        named = [question.sku or ""] * len(keys)
    names = sorted(set(named))
    numbers = {name: number for number, name in enumerate(names)}
    return Groups(of, np.array([numbers[name] for name in named], np.int64), names)


def _item(
    name: str, group: int, found: Mapping[str, Figure], parameters: HealthParameters
) -> dict[str, Any]:
    cut = buckets(parameters)
    ends = zip(cut.first.tolist(), cut.last.tolist(), strict=True)
    shown = []
    for number, (first, last) in enumerate(ends):
        figures = shown_figures(found, parameters, (group, number))
        shown.append({"from": date_text(first), "until": date_text(last + 1), **figures})
    return {"name": name, "buckets": shown}


def _loss(losses: Losses, parameters: HealthParameters) -> dict[str, Any]:
    """What one reason took in each bucket in which there was any of it."""
    cut = buckets(parameters)
    shown = []
    for number, lines in enumerate(losses.amounts["lines"]):
        lost, found = (losses.amounts[name][number] for name in ("lost_value", "found_value"))
        if lines or lost or found:
            ends = int(cut.first[number]), int(cut.last[number]) + 1
            bucket = {"from": date_text(ends[0]), "until": date_text(ends[1]), "lines": lines}
            shown.append(
                {
                    **bucket,
                    "lost_value": shown_number(lost, "value"),
                    "found_value": shown_number(found, "value"),
                }
            )
    return {"type": losses.type, "reason": losses.reason, "buckets": shown}
