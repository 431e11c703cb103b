"""Guards on the optional fields of commands; none needs state."""

from collections.abc import Iterable

from ledger.domain import codes, quantities
from ledger.domain.facts import Command
from ledger.domain.movements import CustomerReturn, MovementCommand, Reversal
from ledger.domain.rejections import Rejected, malformed

# Printable ASCII without the blank: what nearly all ids and references are made of.
_PLAIN = bytes(range(0x21, 0x7F))


def all_sound(commands: Iterable[Command]) -> bool:
    """Whether all ids and references are surely well formed, by one look at all of them.

    A fifth of what it costs to look at each. False says nothing: then each is looked at.
    """
    texts = [command.id or "" for command in commands]
    found = (getattr(command, "reference", None) for command in commands)
    references = [reference for reference in found if reference is not None]
    texts += [reference.id for reference in references]
    # The same few kinds come again and again.
    texts += {reference.type for reference in references}
    lengths = [*map(len, texts)]
    return (
        min(lengths, default=0) > 0
        and max(lengths) <= codes.ID_LENGTH_MAX
        and not "".join(texts).encode("utf-8", "surrogatepass").translate(None, _PLAIN)
    )


def wrong_instant(occurred_us: int, recorded_us: int, name: str = "occurred_at") -> Rejected:
    """Why an instant outside the accepted range is refused."""
    if occurred_us > recorded_us:
        return malformed("invalid_time", f"{name} lies in the future")
    return malformed("invalid_time", f"{name} lies further back than this ledger accepts")


def check_texts(command: MovementCommand | Reversal) -> Rejected | None:
    """Reference and note."""
    reference = command.reference
    if reference is not None and not (short(reference.type) and short(reference.id)):
        return malformed("invalid_reference", "a reference has a short printable type and id")
    return check_note(command.note)


def check_note(note: str | None) -> Rejected | None:
    """A note has 1 to 500 printable characters, if there is one."""
    if note is None or short(note):
        return None
    return malformed(
        "invalid_request", f"a note has 1 to {codes.TEXT_LENGTH_MAX} printable characters"
    )


def check_extras(command: MovementCommand) -> Rejected | None:
    """Reference, note and expected on-hand."""
    expected = command.expected_on_hand
    if expected is not None:
        command.expected_on_hand = quantities.canonical(expected)
        # Good if an item of any scale could hold it.
        scales = range(quantities.SCALE_MAX, -1, -1)
        numbers = [quantities.parse(command.expected_on_hand, scale) for scale in scales]
        if all(type(number) is Rejected for number in numbers):
            detail = numbers[0].detail if type(numbers[0]) is Rejected else ""
            return malformed("invalid_quantity", f"expected_on_hand: {detail}")
        if type(command) is CustomerReturn and command.disposition == "scrap":
            return malformed(
                "invalid_request",
                "expected_on_hand: goods that come back as scrap go from one virtual account to "
                "another, which touches no stock key",
            )
    return check_texts(command)


def short(value: str) -> bool:
    """Whether a text is printable and of a length a person would write."""
    return 0 < len(value) <= codes.TEXT_LENGTH_MAX and codes.printable(value)
