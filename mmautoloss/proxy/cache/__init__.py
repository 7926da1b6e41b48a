"""In-memory cache of samples after the deterministic steps of their data pipeline."""

from mmautoloss.proxy.cache.cache import KeptData, keep_samples
from mmautoloss.proxy.cache.frozen import freeze, thaw
from mmautoloss.proxy.cache.samples import KeptSamples
from mmautoloss.proxy.cache.steps import Steps, split
from mmautoloss.proxy.cache.store import SampleStore

__all__ = [
    'KeptData',
    'KeptSamples',
    'SampleStore',
    'Steps',
    'freeze',
    'keep_samples',
    'split',
    'thaw',
]
