"""`stockledger plan-backtest`: replay real demand against the levels that planning proposes."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.console import CommandError, print_document, stderr, stdout

if TYPE_CHECKING:
    from projections.planning.backtest.demand import Demand
    from projections.planning.backtest.results import Result
    from projections.planning.backtest.simulator import Settings

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
COLUMNS = (
    ("fill_rate", "fill rate"),
    ("demand_days_served", "days served"),
    ("cycle_service", "cycle service"),
    ("stock_out_days", "stock-outs"),
    ("orders", "orders"),
    ("average_units", "average units"),
    ("average_value", "average value"),
)
SHARES = ("fill_rate", "demand_days_served", "cycle_service")
AMOUNTS = ("average_units", "average_value")


def plan_backtest(  # noqa: PLR0913 - every parameter is an option
    file: Annotated[
        Path, typer.Argument(help="CSV file of demand: sku, day, quantity, and perhaps type.")
    ],
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="METHOD:LEVEL or METHOD:DAYS (cycle_service:0.95, days_of_cover:14), or by class: "
            "A=empirical:0.98,B=…,C=…. May be repeated; without it, a standard set.",
            show_default=False,
        ),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(help="CSV file of costs: sku, and unit_cost or price.", show_default=False),
    ] = None,
    cost_share: Annotated[
        str | None, typer.Option(help="Costs are this share of what their file says, else all.")
    ] = None,
    closed: Annotated[
        str, typer.Option(help="Weekdays without sales, such as saturday,sunday.")
    ] = "",
    lead_days: Annotated[
        str, typer.Option(help="Lead time in days, or a range to be drawn from: 5-9.")
    ] = "7",
    warm_up_days: Annotated[int, typer.Option(help="Days that are only learnt from.")] = 56,
    revise_days: Annotated[int, typer.Option(help="Days between two proposals of levels.")] = 7,
    order_days: Annotated[int, typer.Option(help="Days of mean demand in an order.")] = 14,
    window_days: Annotated[int, typer.Option(help="Days that statistics are taken of.")] = 365,
    backorders: Annotated[
        bool, typer.Option("--backorders", help="What cannot be served waits, and is not lost.")
    ] = False,
    shuffle: Annotated[
        bool,
        typer.Option("--shuffle", help="Shuffle each SKU's open days: no season, no trend."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of lead times and of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Replay demand day by day, and show what each policy would have come to.

    Levels are proposed from the days before alone, by the functions of planning runs. Stock opens
    at its level, which is made up, on the first proposal after a SKU was first asked for; until
    then its demand does not count. Nothing is read from or written to the ledger.
    """
    from projections.planning.backtest.simulator import Settings
    from projections.planning.errors import PlanningError

    low, high = _lead_days(lead_days)
    try:
        settings = Settings(
            warm_up_days=warm_up_days, revise_days=revise_days, lead_days_min=low,
            lead_days_max=high, backorders=backorders, seed=seed,
        )  # fmt: skip
        options = {
            "order_days": order_days,
            "window_days": window_days,
            "closed_weekdays": _closed(closed),
        }
        demand = _demand((file, costs, cost_share), options, seed if shuffle else None)
        _check_days(file, demand.days, warm_up_days)
        results = {one: _replayed(one, demand, settings, options) for one in policy or _standard()}
    except PlanningError as error:
        raise CommandError(error.detail) from None
    if as_json:
        print_document({name: _document(one, demand.scale) for name, one in results.items()})
    else:
        for line in table(results):
            stdout().print(line, markup=False)


def _standard() -> tuple[str, ...]:
    from ops.backtesting.policy_text import STANDARD

    return STANDARD


def _demand(
    source: tuple[Path, Path | None, str | None], options: dict[str, Any], seed: int | None
) -> "Demand":
    """The demand of the files, in another order of its days if there is a seed for it."""
    from ops.backtesting.demand_file import read_demand
    from projections.planning.backtest.demand import shuffled

    file, costs, cost_share = source
    demand = read_demand(file, costs, _share(cost_share, costs))
    return demand if seed is None else shuffled(demand, options["closed_weekdays"], seed)


def _replayed(
    policy: str, demand: "Demand", settings: "Settings", options: dict[str, Any]
) -> "Result":
    from ops.backtesting.policy_text import parse_policy
    from projections.planning.backtest.policies import Proposer
    from projections.planning.backtest.results import result
    from projections.planning.backtest.simulator import simulate

    proposer = Proposer(targets=parse_policy(policy), settings=settings, **options)
    stderr().print(f"{policy} …", markup=False)
    found = result(demand, simulate(demand, proposer, settings))
    if found.skus == 0:
        raise CommandError(
            "no SKU was asked for before the last proposal of levels, so there is nothing to replay"
        )
    return found


def _check_days(file: Path, days: int, warm_up_days: int) -> None:
    """Refuse a replay of no day. Raises CommandError."""
    if days <= warm_up_days:
        spanned = "one day" if days == 1 else f"{days:,} days"
        raise CommandError(
            f"{file}: its demand spans {spanned}, of which warm-up-days ({warm_up_days:,}) leaves "
            "none to replay"
        )


def table(results: "dict[str, Result]") -> list[str]:
    """The results as a table that is Markdown as well."""
    lines = ["| policy | " + " | ".join(title for _, title in COLUMNS) + " |"]
    lines.append("|---|" + "--:|" * len(COLUMNS))
    for policy, one in results.items():
        cells = [_cell(name, getattr(one, name)) for name, _ in COLUMNS]
        lines.append(f"| `{policy}` | " + " | ".join(cells) + " |")
    some = next(iter(results.values()))
    skus, days = "SKU" if some.skus == 1 else "SKUs", "day" if some.days == 1 else "days"
    lines += ["", f"{some.skus:,} {skus} over {some.days} {days}."]
    return lines


def _cell(name: str, value: int | None) -> str:
    if value is None:
        return "-"
    if name in SHARES:
        return f"{Decimal(value).scaleb(-4):.1f} %"
    return f"{Decimal(value).scaleb(-6):,.0f}" if name in AMOUNTS else f"{value:,}"


def _document(one: "Result", scale: int) -> dict[str, Any]:
    from dataclasses import asdict

    from ledger.domain.quantities import text

    exact = (*SHARES, "fill_rate_value", *AMOUNTS)
    shown = {
        name: text(value, 6) if name in exact and value is not None else value
        for name, value in asdict(one).items()
    }
    return {**shown, "demanded": text(one.demanded, scale)}


def _lead_days(given: str) -> tuple[int, int]:
    low, dash, high = given.partition("-")
    try:
        return int(low), int(high if dash else low)
    except ValueError:
        raise CommandError("lead-days is a number of days, or a range such as 5-9") from None


def _share(given: str | None, costs: Path | None) -> Decimal:
    if given is None:
        return Decimal(1)
    if costs is None:
        raise CommandError("--cost-share goes with --costs")
    try:
        share = Decimal(given)
    except InvalidOperation:
        share = Decimal("NaN")
    if not (share.is_finite() and share >= 0):
        raise CommandError("cost-share is a number such as 0.5")
    return share


def _closed(given: str) -> frozenset[int]:
    names = [name.strip().lower() for name in given.split(",") if name.strip()]
    wrong = [name for name in names if name not in WEEKDAYS]
    if wrong:
        raise CommandError(f"closed: {wrong[0]} is not one of {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(name) for name in names)
