"""Stock health read from the demand view at one position of the log."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from sqlalchemy import select, text

from ledger.errors import LedgerError
from projections.database import ReadConnection
from projections.planning.days import Days, Integers
from projections.planning.health.documents import date_text, shown_figures, shown_number
from projections.planning.health.figures import Figure
from projections.planning.health.groups import by_group
from projections.planning.health.losses import Losses, losses_by_reason
from projections.planning.health.measures import COLUMNS
from projections.planning.health.parameters import HealthParameters, buckets
from projections.planning.health.sites import valued_by_site
from projections.planning.reading import Wanted, read_days, read_upto
from projections.planning.reason_reading import read_reasons
from projections.planning.run_fields import planning_results

By = Literal["total", "site", "class"]
# A row costs about 160 bytes while it is read, so that one question takes 160 MB at most.
ROWS_MAX: Final = 1_000_000
CELLS_MAX: Final = 10_000
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
    """Series with the number of each one's group; the last number is that of what is left out."""

    days: Days
    labels: Integers
    names: Sequence[str]


async def read_health(reader: ReadConnection, question: Question) -> dict[str, Any] | None:
    """The document of the answer; None if nothing is known of what is asked for.

    Raises HealthTooLargeError, DemandNotReady, PlanningError.
    """
    if question.sku is None:
        counted = await reader.all(_COUNTED.bindparams(most=ROWS_MAX + 1))
        if counted[0]["n"] > ROWS_MAX:
            raise HealthTooLargeError(
                f"the ledger has more than {ROWS_MAX:,} days of SKUs; ask for one SKU, "
                "or for the health of a planning run"
            )
    upto = await read_upto(reader)
    first, last = question.days
    until = None if last is None else last + 1
    skus = None if question.sku is None else [question.sku]
    days = await read_days(reader, upto, Wanted(columns=COLUMNS, skus=skus, until_day=until))
    classes = await _classes(reader, question.run_id) if question.run_id else {}
    if question.sku is not None and len(days) == 0:
        return None
    parameters = _parameters(days, first, last, question.limits)
    groups = _groups(days, question, classes)
    if len(groups.names) * len(buckets(parameters)) > CELLS_MAX:
        raise HealthTooLargeError(f"groups times buckets are more than {CELLS_MAX:,}")
    found = await asyncio.to_thread(
        by_group, groups.days, parameters, groups.labels, len(groups.names) + 1
    )
    items = [_item(name, number, found, parameters) for number, name in enumerate(groups.names)]
    reasons = await read_reasons(
        reader, upto, Wanted(skus=skus, site=question.site, until_day=until)
    )
    losses = [_loss(one, parameters) for one in losses_by_reason(reasons, parameters)]
    position = {str(one): offset - 1 for one, offset in sorted(upto.items()) if offset > 0}
    return {"by": question.by, "items": items, "losses": losses, "as_of_position": position}


def _parameters(
    days: Days, first: int | None, last: int | None, limits: Mapping[str, Any]
) -> HealthParameters:
    if last is None:
        last = int(days.day.max()) if len(days.day) else (first or 0)
    return HealthParameters(last - WINDOW_DAYS + 1 if first is None else first, last, **limits)


async def _classes(reader: ReadConnection, run_id: str) -> dict[tuple[str, str], str]:
    """The class of each series of a run."""
    r = planning_results.c
    rows = await reader.all(select(r.sku, r.site, r.abc).where(r.run_id == run_id))
    return {(row["sku"], row["site"]): row["abc"] or UNCLASSIFIED for row in rows}


def _groups(days: Days, question: Question, classes: Mapping[tuple[str, str], str]) -> Groups:
    apart = question.by == "site" or question.site is not None or any(s for _, s in classes)
    days = valued_by_site(days) if apart else days.by_sku()
    keys = list(zip(days.skus, days.sites, strict=True))
    if question.by == "site":
        named = [site for _, site in keys]
    elif question.by == "class":
        named = [classes.get(key, UNCLASSIFIED) for key in keys]
    else:
        named = [question.sku or ""] * len(keys)
    wanted = [question.site in (None, site) for _, site in keys]
    names = sorted({name for name, kept in zip(named, wanted, strict=True) if kept})
    numbers = {name: number for number, name in enumerate(names)}
    labels = [
        numbers[name] if kept else len(names) for name, kept in zip(named, wanted, strict=True)
    ]
    return Groups(days, np.array(labels, np.int64), names)


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
