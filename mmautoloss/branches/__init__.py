"""The losses of a model, the heads that call them, and the branches that a search replaces."""

from mmautoloss.branches.branch import Branch, build_branches, check_branches, install_losses
from mmautoloss.branches.contracts import late_switch
from mmautoloss.branches.heads import ModelLoss, find_losses
from mmautoloss.branches.loss_settings import averages_channels
from mmautoloss.branches.replacement import build_replacements, is_place

__all__ = [
    'Branch',
    'ModelLoss',
    'averages_channels',
    'build_branches',
    'build_replacements',
    'check_branches',
    'find_losses',
    'install_losses',
    'is_place',
    'late_switch',
]
