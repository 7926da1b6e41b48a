"""Proxy training: the reused Runner, the evaluator of candidates, the capture of probes."""

from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.capture import capture_probes
from mmautoloss.proxy.checkpoint import require_fitting
from mmautoloss.proxy.config import proxy_config, share_batch
from mmautoloss.proxy.config_hooks import hook_class, hooks_of
from mmautoloss.proxy.digest import training_text
from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.interim import Interim
from mmautoloss.proxy.interim_checkpoints import interim_file
from mmautoloss.proxy.leg import Leg, leg_name
from mmautoloss.proxy.length import lengthen
from mmautoloss.proxy.objects import plain_config, spelled, type_name
from mmautoloss.proxy.progress import SUSPENDED
from mmautoloss.proxy.rung_hook import rung_iteration
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.proxy.sanity_check import require_metric, untrained_value
from mmautoloss.proxy.settings import ProxySettings, numbers
from mmautoloss.proxy.shared_datasets import build_dataset
from mmautoloss.proxy.speed import Speed, measure_speed
from mmautoloss.proxy.tasks_evaluator import Evaluator, TasksEvaluator, evaluator_of, evaluators_by_task
from mmautoloss.proxy.training_lock import one_at_a_time
from mmautoloss.proxy.trunk import Trunk
from mmautoloss.proxy.trunks import Trunks, read_trunk, sha256_of, write_trunk

__all__ = [
    'SUSPENDED',
    'Begin',
    'Evaluator',
    'Interim',
    'Leg',
    'ProxyEvaluator',
    'ProxyRunner',
    'ProxySettings',
    'Speed',
    'TasksEvaluator',
    'Trunk',
    'Trunks',
    'build_dataset',
    'capture_probes',
    'evaluator_of',
    'evaluators_by_task',
    'hook_class',
    'hooks_of',
    'interim_file',
    'leg_name',
    'lengthen',
    'measure_speed',
    'numbers',
    'one_at_a_time',
    'plain_config',
    'proxy_config',
    'read_trunk',
    'require_fitting',
    'require_metric',
    'rung_iteration',
    'sha256_of',
    'share_batch',
    'spelled',
    'training_text',
    'type_name',
    'untrained_value',
    'write_trunk',
]
