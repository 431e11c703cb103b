"""Formulas as data, so that an explanation shows how a number came about and who says so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """How one array of a result is computed.

    `name` is the field of the result that holds the numbers, `symbol` the letter that other
    formulas use for it. An input that is given and not computed has no `formula`.
    """

    name: str
    symbol: str
    meaning: str
    unit: str
    formula: str = ""
    source: str = ""
