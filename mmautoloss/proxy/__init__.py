"""Proxy training: the reused Runner, the evaluator of candidates, the capture of probes."""

from mmautoloss.proxy.capture import capture_probes
from mmautoloss.proxy.config import hook_class, proxy_config, share_batch
from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.length import lengthen
from mmautoloss.proxy.objects import plain_config, spelled, type_name
from mmautoloss.proxy.progress import SUSPENDED
from mmautoloss.proxy.rung_hook import rung_iteration
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.proxy.sanity_check import require_metric
from mmautoloss.proxy.settings import ProxySettings, numbers
from mmautoloss.proxy.training_lock import one_at_a_time

__all__ = [
    'SUSPENDED',
    'ProxyEvaluator',
    'ProxyRunner',
    'ProxySettings',
    'capture_probes',
    'hook_class',
    'lengthen',
    'numbers',
    'one_at_a_time',
    'plain_config',
    'proxy_config',
    'require_metric',
    'rung_iteration',
    'share_batch',
    'spelled',
    'type_name',
]
