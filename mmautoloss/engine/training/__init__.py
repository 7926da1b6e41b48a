"""Trainings outside a search: evaluation, comparison, transfer, longer training."""

from mmautoloss.engine.training.comparison import compare, described, length_compared, with_usual_weight
from mmautoloss.engine.training.evaluation import evaluate
from mmautoloss.engine.training.longer_training import train_longer
from mmautoloss.engine.training.result import Result
from mmautoloss.engine.training.transfer import Transfer

__all__ = [
    'Result',
    'Transfer',
    'compare',
    'described',
    'evaluate',
    'length_compared',
    'train_longer',
    'with_usual_weight',
]
