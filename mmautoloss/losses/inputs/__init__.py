"""How the call of a head becomes the named tensors that a graph reads: one class a kind of input.

A kind is all that a loss, the probe and the search need to know of a branch: which names a graph
may read, how prediction and target become tensors (N, C, H, W), and what counts. Rows with
weight 0 are taken out *before* a graph sees them, since 0 * NaN is NaN and since a mean over
padding is no mean. Of maps the pixels stay where they are, for the sake of the pools, and what does
not count is masked.
"""

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.boxes import Area
from mmautoloss.losses.inputs.kind import InputKind, Rows
from mmautoloss.losses.inputs.scores import Mask, Sigmoid, Softmax
from mmautoloss.losses.inputs.values import Delta, Heatmap

INPUT_KINDS: dict[str, InputKind] = {
    kind.name: kind for kind in (Softmax(), Sigmoid(), Mask(), Heatmap(), Delta(), Area())
}
"""All kinds by the name that configs use."""


def input_kind(name: str) -> InputKind:
    """The kind of a name.

    Raises:
        SetupError: There is no such kind.
    """
    if name not in INPUT_KINDS:
        raise SetupError(f'Inputs must be one of {", ".join(INPUT_KINDS)}, but got {name!r}.')
    return INPUT_KINDS[name]


__all__ = ['INPUT_KINDS', 'InputKind', 'Rows', 'input_kind']
