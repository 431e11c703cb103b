"""What is wrong with a seal, a proof or a key. `ops.faults` makes an exit code of it."""

from ledger.errors import LedgerError


class SealRejected(LedgerError):
    """A seal is damaged, forged, of another ledger, or does not follow the one before it."""


class ProofRejected(LedgerError):
    """A proof does not lead to a signed seal."""
