"""Finds, compares and restores the Python state of objects between trainings."""

from mmautoloss.proxy.state.fingerprints import differences, fingerprint
from mmautoloss.proxy.state.original import Original
from mmautoloss.proxy.state.snapshot import Snapshot

__all__ = ['Original', 'Snapshot', 'differences', 'fingerprint']
