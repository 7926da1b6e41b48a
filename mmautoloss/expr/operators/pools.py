"""Maximum and minimum of the valid elements in the 3 x 3 window about each position."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.expr.operators.ranges import Bounds, Slopes, same
from mmautoloss.expr.operators.record import Operator, Primitive, Spelling, spelled


def _max_pool(x: Tensor) -> Tensor:
    if x.shape[-2:] == (1, 1):  # a window over one cell is that cell
        return x
    return F.max_pool2d(x, kernel_size=3, stride=1, padding=1)


def _min_pool(x: Tensor) -> Tensor:
    return -_max_pool(-x)


def _masked_max_pool(x: Tensor, valid: Tensor) -> Tensor:
    return _max_pool(torch.where(valid, x, -torch.inf))  # what does not count never wins


def _masked_min_pool(x: Tensor, valid: Tensor) -> Tensor:
    return -_masked_max_pool(-x, valid)


def _nine(x: Bounds) -> Slopes:
    return (9.0,)  # an element may be the largest of all windows that it is in


MAXPOOL = Operator(
    primitive=Primitive('maxpool', 1, _max_pool, r'\operatorname{{maxpool}}\left({0}\right)'),
    bounds=same,
    slopes=_nine,
    on_number=float,
    masked=_masked_max_pool,
    spellings=spelled(
        numpy=Spelling(
            'maxpool({0})',
            """\
def maxpool(x):
    \"\"\"The largest value of the 3 x 3 window about each position.\"\"\"
    h, w = x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    windows = [x[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return np.max(windows, axis=0)
""",
        ),
        torch=Spelling(
            'maxpool({0})',
            """\
def maxpool(x):
    \"\"\"The largest value of the 3 x 3 window about each position.\"\"\"
    return torch.max_pool2d(x, 3, stride=1, padding=1)
""",
        ),
        masked_torch=Spelling(
            'maxpool({0}, valid)',
            """\
def maxpool(x, valid=None):
    \"\"\"The largest value that counts of the 3 x 3 window about each position.\"\"\"
    counting = x if valid is None else torch.where(valid, x, -torch.inf)
    pooled = torch.max_pool2d(counting, 3, stride=1, padding=1)
    return pooled if valid is None else torch.where(valid, pooled, 0)
""",
        ),
        sympy='maxpool({0})',
    ),
)
MINPOOL = Operator(
    primitive=Primitive('minpool', 1, _min_pool, r'\operatorname{{minpool}}\left({0}\right)'),
    bounds=same,
    slopes=_nine,
    on_number=float,
    masked=_masked_min_pool,
    spellings=spelled(
        numpy=Spelling(
            'minpool({0})',
            """\
def minpool(x):
    \"\"\"The smallest value of the 3 x 3 window about each position.\"\"\"
    return -maxpool(-x)
""",
            needs='maxpool',
        ),
        torch=Spelling(
            'minpool({0})',
            """\
def minpool(x):
    \"\"\"The smallest value of the 3 x 3 window about each position.\"\"\"
    return -maxpool(-x)
""",
            needs='maxpool',
        ),
        masked_torch=Spelling(
            'minpool({0}, valid)',
            """\
def minpool(x, valid=None):
    \"\"\"The smallest value that counts of the 3 x 3 window about each position.\"\"\"
    return -maxpool(-x, valid)
""",
            needs='maxpool',
        ),
        sympy='minpool({0})',
    ),
)
