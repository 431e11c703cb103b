"""What became of a command.

- `Moved`, `ItemDefined` or a fact about a supply order: it counts, at its `offset`.
- `Refused`: it was refused because of the state it met; the refusal is a record at its `offset`.
- `Rejected`: it was refused without any state, or its id was used with other content; no record.
- `Replayed`: the same id and content were answered before; this is the first answer again.
- `Unknown`: it may or may not have landed. The same id can be sent again.
- `Unavailable`: it surely was not written; try again later.
- `Elsewhere`: it is not decided here any more; no caller ever sees it.
"""

import msgspec

from ledger.domain.facts import LevelRaised, Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.domain.supply import SUPPLY_FACTS, SupplyFact

# What an id was used for, and can be told again.
Answered = Moved | Refused | ItemDefined | SupplyFact
ANSWERED = (Moved, Refused, ItemDefined, *SUPPLY_FACTS)


class Replayed(msgspec.Struct, gc=False):
    """The first answer to this id, given again."""

    fact: Answered


class Unknown(msgspec.Struct, gc=False):
    """The log did not say in time whether it took the command."""

    id: str
    detail: str


class Unavailable(msgspec.Struct, gc=False):
    """Nothing was written for this command."""

    id: str | None
    detail: str
    retry_after_seconds: int = 1


class Elsewhere(msgspec.Struct, gc=False, omit_defaults=True):
    """Another instance decides about the partition by now. Only instances tell each other this.

    `unsure`: an append of this instance, of unknown outcome, may yet bring the command.
    """

    unsure: bool = False


Counted = Answered | LevelRaised
Outcome = Counted | Rejected | Replayed | Unknown | Unavailable | Elsewhere
