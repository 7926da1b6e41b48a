"""The kinds of input: each class turns the call of a head into the named tensors that a graph reads.

A kind is all that a loss, the probe and the search need to know about a branch: which names a graph
may read, how prediction and target become tensors (N, C, H, W), and which elements count. Rows with
weight 0 are removed *before* a graph sees them, since 0 * NaN is NaN and since a mean must not
include padding. The pixels of maps stay in place for the pools, and those that do not count are
masked.
"""

from keyword import iskeyword

from mmautoloss.errors import SetupError
from mmautoloss.expr import PRIMITIVES
from mmautoloss.expr.custom import RESERVED
from mmautoloss.extension import add
from mmautoloss.losses.inputs.bins import Bins
from mmautoloss.losses.inputs.boxes import Area
from mmautoloss.losses.inputs.cosines import Cosine
from mmautoloss.losses.inputs.deltas import Delta
from mmautoloss.losses.inputs.directions import Direction
from mmautoloss.losses.inputs.embeddings import Pairs, Triplet
from mmautoloss.losses.inputs.heatmaps import Heatmap
from mmautoloss.losses.inputs.instances import Instance
from mmautoloss.losses.inputs.keypoints import Keypoint
from mmautoloss.losses.inputs.kind import InputKind
from mmautoloss.losses.inputs.motions import Motion
from mmautoloss.losses.inputs.peaks import Peak
from mmautoloss.losses.inputs.quality import Quality
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_images, choose_rows
from mmautoloss.losses.inputs.scores import Mask, Sigmoid, Softmax

INPUT_KINDS: dict[str, InputKind] = {
    kind.name: kind
    for kind in (
        *(Softmax(), Sigmoid(), Mask(), Heatmap(), Delta(), Area()),
        *(Bins(), Quality(), Instance(), Peak(), Keypoint()),
        *(Triplet(), Pairs(), Cosine(), Direction(), Motion()),
    )
}
"""All kinds by the name that configs use; first the built-in ones."""

_BUILT_IN = frozenset(INPUT_KINDS)


def input_kind(name: str) -> InputKind:
    """The kind with this name.

    Raises:
        SetupError: There is no such kind.
    """
    if name not in INPUT_KINDS:
        raise SetupError(
            f'Inputs must be one of {", ".join(INPUT_KINDS)}, but got {name!r}. A kind of your own is known once the module '
            'that registers it is imported: custom_imports of a config, or python -m mmautoloss --import MODULE.'
        )
    return INPUT_KINDS[name]


def register_kind(kind: InputKind) -> InputKind:
    """Adds a kind of input, so that branches and losses can name it as their ``inputs``.

    Call it in a module that a config imports (``custom_imports``), so that every worker knows the kind.

    Args:
        kind: A stateless object, since one is shared by all branches.

    Returns:
        The kind.

    Raises:
        SetupError: The object is no kind, lacks an attribute, or its name is taken.
    """
    if not isinstance(kind, InputKind):
        raise SetupError(f'A kind of input must be an object of a child of InputKind, but got {kind!r}.')
    missing = [name for name in ('name', 'metric') if not isinstance(getattr(kind, name, None), str)]
    if missing:
        raise SetupError(f'The kind of input {type(kind).__name__} needs the attribute {missing[0]}, a text.')
    unknown = (kind.from_prediction | kind.from_target) - set(kind.names)
    if unknown or not kind.from_prediction or not kind.from_target:
        raise SetupError(
            f'The kind of input {kind.name!r} must have from_prediction and from_target among its names '
            f'{kind.names}, but they are {sorted(kind.from_prediction)} and {sorted(kind.from_target)}.'
        )
    for name in kind.names:
        usable = isinstance(name, str) and name.isascii() and name.isidentifier() and not iskeyword(name)
        if not usable or name in PRIMITIVES or name in RESERVED:
            raise SetupError(
                f'An input of the kind {kind.name!r} cannot be called {name!r}: it is no free word. Words of the package '
                f'are {", ".join(sorted(RESERVED))} and the operators.'
            )
    add('kind', INPUT_KINDS, kind.name, kind)
    return kind


def is_custom(name: str) -> bool:
    """Whether a kind was registered by a user."""
    return name in INPUT_KINDS and name not in _BUILT_IN


__all__ = [
    'INPUT_KINDS',
    'InputKind',
    'Rows',
    'as_nchw',
    'choose_images',
    'choose_rows',
    'input_kind',
    'is_custom',
    'register_kind',
]
