"""Heads whose losses cannot be searched, since the head needs more of them or never calls them.

To add another such head, add a line to the table.
"""

from __future__ import annotations

from torch import nn

NEVER_CALLED = 'its head never calls it; leave it out'
_OWN_LOSS = 'its head computes this loss by a function of its own and never calls this one; leave it out'
_ONE_BY_ONE = 'its head takes its values one by one and makes something else of them; use another head'

REFUSALS: dict[tuple[str, str], str] = {
    ('DynamicRoIHead', 'loss_bbox'): 'its head insists on SmoothL1Loss, whose bend it moves; use a StandardRoIHead',
    ('GuidedAnchorHead', 'loss_loc'): 'its head samples by the name of this loss; leave it out',
    (
        'VisPredictHead',
        'loss_module',
    ): 'its head adds a sigmoid where its loss has use_sigmoid, as searched ones have; leave it out',
    ('RepPointsHead', 'loss_bbox'): NEVER_CALLED,
    ('FreeAnchorRetinaHead', 'loss_cls'): _OWN_LOSS,
    ('FreeAnchorRetinaHead', 'loss_bbox'): _ONE_BY_ONE,
    ('AutoAssignHead', 'loss_cls'): _OWN_LOSS,
    ('AutoAssignHead', 'loss_centerness'): NEVER_CALLED,
    ('AutoAssignHead', 'loss_bbox'): _ONE_BY_ONE,
    ('RTMDetHead', 'loss_centerness'): NEVER_CALLED,
    ('TOODHead', 'loss_centerness'): NEVER_CALLED,
    ('YOLOV3Head', 'loss_conf'): 'its head passes all positions of an image as the columns of one row; leave it out',
    ('CenterNetUpdateHead', 'loss_cls'): 'its head says with indices which elements are centres; use CenterNetHead',
}
"""Reasons, by the class of a module that contains the loss and the name of the loss there."""

_TOO_EARLY = 'its head calls it from the epoch train_cfg.initial_epoch on; set initial_epoch=0 there, or leave it out'
_SWITCHES = {'loss_bbox': 'with_reg', 'loss_cls': 'with_cls'}
"""Attributes of heads that are False if the head never calls the loss of that name."""
_LATE_SWITCHES = {'loss_l1': 'use_l1', 'loss_bbox_aux': 'use_aux_loss', 'loss_kpt_aux': 'use_aux_loss'}
"""Attributes of heads that are False until a hook lets the head call the loss of that name."""


def late_switch(model: nn.Module, path: str) -> tuple[nn.Module, str] | None:
    """The head and the attribute that lets it call a loss in the last epochs; None if it calls the loss anyway.

    Args:
        model: The model.
        path: Path of the loss.
    """
    parent, _, name = path.rpartition('.')
    head, switch = model.get_submodule(parent), _LATE_SWITCHES.get(name, '')
    return None if getattr(head, switch, True) else (head, switch)


def refused_by_head(model: nn.Module, path: str) -> str:
    """Why the heads that contain a loss do not allow it to be searched; '' if they do.

    Args:
        model: The model.
        path: Path of the loss.
    """
    parts = [part for part in path.split('.') if not part.isdigit()]
    name, parents = parts[-1], path.split('.')[:-1]
    head = model.get_submodule('.'.join(parents))
    if not getattr(head, _SWITCHES.get(name, ''), True):
        return NEVER_CALLED
    initial = getattr(head, 'initial_epoch', None)  # of TOOD
    if initial is not None and name in ('loss_cls', 'initial_loss_cls') and (name == 'loss_cls') == bool(initial):
        return _TOO_EARLY if initial else NEVER_CALLED
    for count in range(len(parents), 0, -1):
        module = model.get_submodule('.'.join(parents[:count]))
        for base in type(module).__mro__:
            if (base.__name__, name) in REFUSALS:
                return REFUSALS[base.__name__, name]
    return ''
