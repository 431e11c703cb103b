"""What is wrong: a code, where, and a sentence. Shared by the commands that look for it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong. `where` names the place: of the log, a row, a file, a line."""

    code: str
    where: str
    text: str


class Findings:
    """Counts all findings and keeps the first of each code."""

    def __init__(self, codes: Mapping[str, str], kept_max: int) -> None:
        """Keep at most `kept_max` findings of each of the `codes`."""
        self.counts: Counter[str] = Counter()
        self.kept: list[Finding] = []
        self._codes = codes
        self._kept_max = kept_max

    def take(self, found: Iterable[Finding]) -> None:
        """Count them."""
        for one in found:
            assert one.code in self._codes, one.code
            self.counts[one.code] += 1
            if self.counts[one.code] <= self._kept_max:
                self.kept.append(one)

    def merge(self, other: "Findings") -> None:
        """Count those of another one as well."""
        for one in other.kept:
            if sum(kept.code == one.code for kept in self.kept) < self._kept_max:
                self.kept.append(one)
        self.counts.update(other.counts)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.counts.total()
