"""The reason of a proposal in words and numbers, as a planner would say it."""

from ledger.domain.quantities import text
from projections.planning.proposals import (
    ABOVE,
    BASE_STOCK,
    FULL,
    NO_POLICY,
    NOT_REVIEWED,
    PERIODIC,
    S_Q,
    SHELF_LIFE,
    Proposals,
)


def reason_text(proposals: Proposals, index: int, scale: int) -> str:
    """One or two sentences about one series, whose quantities have `scale` decimals."""
    return _Sentence(proposals, index, scale).whole()


class _Sentence:
    """The numbers of one proposal, as text."""

    def __init__(self, proposals: Proposals, index: int, scale: int) -> None:
        self._index, self._scale = index, scale
        self._proposals = proposals
        self._policy, self._reason = int(proposals.policy[index]), int(proposals.reason[index])

    def _number(self, name: str) -> int:
        return int(getattr(self._proposals, name)[self._index])

    def _text(self, name: str) -> str:
        return text(self._number(name), self._scale)

    def whole(self) -> str:
        if self._reason == NO_POLICY:
            return "Its policy orders nothing."
        if self._reason == NOT_REVIEWED:
            return "It is not looked at today."
        if self._reason == ABOVE:
            return f"{self._position()} above the reorder point of {self._text('reorder_point')}."
        if self._reason == FULL:
            return f"{self._position()} not below the order-up-to level of {self._text('up_to')}."
        return f"{self._trigger()}; {self._needed()}. {self._result()}"

    def _position(self) -> str:
        return f"The inventory position of {self._text('position')} is"

    def _trigger(self) -> str:
        if self._policy in (PERIODIC, BASE_STOCK):
            return f"{self._position()} below the order-up-to level of {self._text('up_to')}"
        return f"{self._position()} at or below the reorder point of {self._text('reorder_point')}"

    def _needed(self) -> str:
        needed = self._text("needed")
        if self._policy != S_Q:
            return f"{needed} are needed to reach {self._text('up_to')}"
        lots = self._number("needed") // max(self._number("lot"), 1)
        if lots == 1:
            return f"the order quantity is {needed}"
        return f"{needed} are {lots} order quantities of {self._text('lot')}, to pass it"

    def _result(self) -> str:
        packed, quantity = self._text("packed"), self._text("quantity")
        if self._reason == SHELF_LIFE:
            return (
                f"Within lead time and shelf life only {self._text('limit')} are expected to be "
                "asked for, which leaves less than the supplier delivers: order nothing."
            )
        if quantity != packed:
            return (
                f"Of {packed} in packs, {quantity} can be used up before they expire: within lead "
                f"time and shelf life {self._text('limit')} are expected to be asked for. "
                f"Order {quantity}."
            )
        if packed != self._text("needed"):
            return f"In packs and with the minimum order that is {packed}: order {packed}."
        return f"Order {quantity}."
