"""What objects keep in Python between two trainings: found, compared, put back."""

from mmautoloss.proxy.state.fingerprints import differences, fingerprint
from mmautoloss.proxy.state.original import Original
from mmautoloss.proxy.state.snapshot import Snapshot

__all__ = ['Original', 'Snapshot', 'differences', 'fingerprint']
