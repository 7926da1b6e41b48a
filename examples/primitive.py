"""A custom operator: the softplus, ``log(1 + exp(x))``.

Name this module in a search config, and random graphs and mutations draw the operator in addition to the published ones:

    custom_imports = dict(imports=['examples.primitive'], allow_failed_imports=False)

In text it is a function: ``y * softplus(-p)``. Found losses with it can be trained wherever this module is imported; the
``best_config.py`` of the search imports it.
"""

from __future__ import annotations

import torch.nn.functional as F

from mmautoloss.expr import Primitive, register_primitive

SOFTPLUS = register_primitive(
    Primitive(
        name='softplus',
        arity=1,
        function=F.softplus,  # from a tensor (N, C, H, W) to one of the same shape, differentiable
        latex=r'\operatorname{{softplus}}\left({0}\right)',
    )
)
