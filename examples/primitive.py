"""An operator of one's own: the softplus, ``log(1 + exp(x))``.

Name this module in a search config, and random graphs and mutations bring the operator in beside the published ones:

    custom_imports = dict(imports=['examples.primitive'], allow_failed_imports=False)

In text it stands as a function: ``y * softplus(-p)``. Found losses with it can be trained wherever this module is imported;
``best_config.py`` of the search names it by itself.
"""

from __future__ import annotations

import torch.nn.functional as F

from mmautoloss.expr import Primitive, register_primitive

SOFTPLUS = register_primitive(
    Primitive(
        name='softplus',
        arity=1,
        function=F.softplus,  # one tensor (N, C, H, W) to one of that shape, differentiable
        latex=r'\operatorname{{softplus}}\left({0}\right)',
    )
)
