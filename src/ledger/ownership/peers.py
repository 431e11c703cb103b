"""The other instances as a port: see `ledger.peers`."""

from ledger.peers import Peers, PeerSilent, PeerUnreachable

__all__ = ["PeerSilent", "PeerUnreachable", "Peers"]
