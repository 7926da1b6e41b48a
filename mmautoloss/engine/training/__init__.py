"""Trainings outside a search: evaluation, comparison, transfer, longer training."""

from mmautoloss.engine.training.comparison import compare, compare_and_print, with_usual_weight
from mmautoloss.engine.training.evaluation import evaluate
from mmautoloss.engine.training.filed_trainings import FailedTrainings, FiledTrainings, conditions_of
from mmautoloss.engine.training.forecast import dry_run
from mmautoloss.engine.training.longer_training import train_longer
from mmautoloss.engine.training.result import Result
from mmautoloss.engine.training.scale import at_scale
from mmautoloss.engine.training.transfer import Transfer

__all__ = [
    'FailedTrainings',
    'FiledTrainings',
    'Result',
    'Transfer',
    'at_scale',
    'compare',
    'compare_and_print',
    'conditions_of',
    'dry_run',
    'evaluate',
    'train_longer',
    'with_usual_weight',
]
