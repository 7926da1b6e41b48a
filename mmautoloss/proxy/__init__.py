"""The costly measure: branches of a model, the reused Runner, capture of probes, the evaluator."""

from mmautoloss.proxy.branch import Branch, build_branches, check_branches
from mmautoloss.proxy.capture import capture_probes
from mmautoloss.proxy.config import hook_class, proxy_config, share_batch
from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.heads import FoundLoss, averages_channels, find_losses
from mmautoloss.proxy.objects import plain_config, spelled, type_name
from mmautoloss.proxy.progress import SUSPENDED
from mmautoloss.proxy.rung import rung_iteration
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.proxy.settings import ProxySettings, numbers

__all__ = [
    'SUSPENDED',
    'Branch',
    'FoundLoss',
    'ProxyEvaluator',
    'ProxyRunner',
    'ProxySettings',
    'averages_channels',
    'build_branches',
    'capture_probes',
    'check_branches',
    'find_losses',
    'hook_class',
    'numbers',
    'plain_config',
    'proxy_config',
    'rung_iteration',
    'share_batch',
    'spelled',
    'type_name',
]
