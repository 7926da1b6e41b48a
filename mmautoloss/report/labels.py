"""The names by which people know the losses of a trial."""

from __future__ import annotations

from mmautoloss.losses import name_of
from mmautoloss.trial import Role, Trial

HAND_MADE = 'hand-made'


def label_of(trial: Trial) -> str:
    """The label of the losses of a trial: its number, followed by the names of known losses."""
    if trial.genome is None:
        return HAND_MADE
    if trial.role is not Role.KNOWN:
        return f'trial {trial.number}'
    names = dict.fromkeys(name_of(tree) or '' for tree in trial.genome.values())
    return f'trial {trial.number}' + (f' ({" + ".join(names)})' if all(names) else '')
