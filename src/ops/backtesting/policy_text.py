"""Policies as they are written: `cycle_service:0.95`, or one for each class, `A=…,B=…,C=…`."""

from decimal import Decimal, InvalidOperation

from ops.console import CommandError
from projections.planning.backtest.policies import Target
from projections.planning.errors import PlanningError
from projections.planning.safety_stock import METHODS, NONE, WITH_LEVEL

STANDARD = (
    "none",
    "days_of_cover:14",
    "cycle_service:0.95",
    "fill_rate:0.98",
    "empirical:0.95",
    "A=empirical:0.98,B=empirical:0.95,C=empirical:0.90",
)


def parse_policy(text: str) -> dict[str, Target]:
    """The target of each class, or that of all under the empty name. Raises CommandError."""
    targets: dict[str, Target] = {}
    for part in text.split(","):
        name, equals, method = part.strip().rpartition("=")
        if name in targets or (equals and not name):
            raise CommandError(f"policy {text}: every class is named once")
        targets[name] = _target(text, method)
    return targets


def _target(policy: str, text: str) -> Target:
    method, colon, number = text.partition(":")
    if method not in METHODS:
        raise CommandError(f"policy {policy}: a method is one of {', '.join(METHODS)}")
    if colon and METHODS.index(method) == NONE:
        raise CommandError(f"policy {policy}: none has no level")
    with_level = METHODS.index(method) in WITH_LEVEL
    if METHODS.index(method) != NONE and not number:
        example = "0.95" if with_level else "14"
        raise CommandError(f"policy {policy}: {method} needs a number, as in {method}:{example}")
    try:
        if with_level:
            return Target(method, _level(number))
        return Target(method, None, int(number or 0))
    except (InvalidOperation, ValueError) as error:
        detail = error.detail if isinstance(error, PlanningError) else f"{number!r} is no number"
        raise CommandError(f"policy {policy}: {detail}") from None


def _level(number: str) -> Decimal:
    level = Decimal(number)
    if not level.is_finite():
        raise ValueError(number)
    return level
