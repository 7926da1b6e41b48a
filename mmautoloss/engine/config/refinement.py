"""A search config that tunes the numbers of given losses."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from mmengine.config import Config

from mmautoloss.branches import Branch
from mmautoloss.engine.config.begin import BestBegin, read_begin
from mmautoloss.engine.config.search import spec_of
from mmautoloss.errors import SetupError
from mmautoloss.expr import Template
from mmautoloss.losses import FAMILIES, expression_of
from mmautoloss.strategy import read_templates


def tuning_of(cfg: Config, losses: str | Mapping[str, str], sigma: float) -> Config:
    """The same search, of the numbers of losses, which are trained first as they are.

    Args:
        cfg: A search config.
        losses: For all branches or by branch: losses, templates or families, as ``CMAES`` reads them.
        sigma: Standard deviation of the numbers at first.

    Raises:
        SetupError: The config is no search, a loss does not fit its branch, or there is no number.
    """
    cfg = copy.deepcopy(cfg)
    _leave_relay(cfg)
    branches = spec_of(cfg).branches
    texts = dict.fromkeys((branch.name for branch in branches), losses) if isinstance(losses, str) else dict(losses)
    numbers = read_templates(texts, {branch.name: branch.kind for branch in branches})
    cfg.train_cfg.strategy = {'type': 'CMAES', 'family': texts, 'sigma': sigma}
    cfg.train_cfg.seeds = [{b.name: _first(texts[b.name], b, numbers.templates[b.name]) for b in branches}]
    return cfg


def _leave_relay(cfg: Config) -> None:
    """Makes whole trainings of one in generations, whose losses are tuned as they will be used."""
    proxy = cfg.train_cfg.proxy
    if not isinstance(read_begin(proxy.get('begin')), BestBegin):
        return
    if not proxy.get('schedule'):
        raise SetupError(
            "Numbers are tuned in whole trainings, but this search has proxy.begin='best' without proxy.schedule: add the "
            'train_cfg of a training, such as --cfg-options train_cfg.proxy.schedule.type=IterBasedTrainLoop '
            'train_cfg.proxy.schedule.max_iters=400.'
        )
    proxy.begin = 'scratch'


def _first(text: str, branch: Branch, template: Template) -> str:
    """The loss from which the numbers go, with its own digits where it has such."""
    if '{' in text or text in FAMILIES:
        return str(template.fill(template.start))
    return expression_of(text, branch.inputs)
