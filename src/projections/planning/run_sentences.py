"""The reason of a proposal in a sentence, from the row that stores its numbers."""

import numpy as np
from sqlalchemy import RowMapping

from projections.planning.numbers import Integers
from projections.planning.proposal_text import reason_text
from projections.planning.proposals import NOT_SET, POLICIES, REASONS, Proposals


def sentence(row: RowMapping) -> str:
    """One or two sentences, with quantities in units."""

    def number(name: str) -> Integers:
        value = row[name]
        return np.array([NOT_SET if value is None else value], dtype=np.int64)

    proposal = Proposals(
        policy=np.array([POLICIES.index(row["policy"])], dtype=np.int8),
        reorder_point=number("order_at"),
        up_to=number("order_up_to"),
        lot=number("order_quantity"),
        position=number("inventory_position"),
        needed=number("needed"),
        packed=number("in_packs"),
        limit=number("shelf_life_limit"),
        quantity=number("proposal"),
        reason=np.array([REASONS.index(row["proposal_reason"])], dtype=np.int8),
    )
    return reason_text(proposal, 0, row["scale"])
