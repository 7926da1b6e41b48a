"""Weights of losses within one training: of the losses of a mixture, and of the branches of a model."""

from mmautoloss.engine.loss_weights.auxiliary_hook import AuxiliaryScheduleHook
from mmautoloss.engine.loss_weights.mixture_hook import MixtureHook
from mmautoloss.engine.loss_weights.schedule_hook import LossWeightScheduleHook

__all__ = ['AuxiliaryScheduleHook', 'LossWeightScheduleHook', 'MixtureHook']
