"""Hand-made losses as expressions: references for tests, and seeds for a search.

An entry has the value and gradient of the loss that it names, up to ``eps`` and the reduction (the sum
over channels, see ``SearchedLoss``). Losses that the operators cannot express exactly are not here: Lovasz
losses sort, and DIoU and CIoU read distances of centres, whereas a graph has areas.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mmautoloss.errors import SetupError
from mmautoloss.expr import Tree, parse, parse_prefix
from mmautoloss.losses.card import shipped
from mmautoloss.losses.inputs import input_kind


class KnownLoss(NamedTuple):
    """A published loss in our notation.

    Attributes:
        expression: Infix text.
        inputs: Kinds of input for which the formula is that loss.
        source: Source of the formula.
    """

    expression: str
    inputs: tuple[str, ...]
    source: str


CSE: dict[str, str] = {
    'a_cls': 'Neg(Dot(Mul(Y,Add(1,Sin(Z))),Log(Softmax(X))))',
    'a_reg': 'Add(1,Neg(Add(Div(I,U),Neg(Div(Add(E,Neg(Add(I,2))),E)))))',
    'b_cls': (
        'Neg(Add(Mul(Q,Mul(Add(1,Serf(Sig(NY))),Log(Sig(X)))),Mul(Add(Sgdf(X),Neg(Q)),'
        'Mul(Add(Add(1,Neg(Q)),Neg(Add(1,Neg(Sig(X))))),Log(Add(1,Neg(Sig(X))))))))'
    ),
    'b_reg': (
        'Neg(Div(Add(Div(Neg(Add(Neg(E),Add(1,I))),Neg(Add(3,Add(2,U)))),Add(Div(E,E),Div(Neg(E),Neg(1)))),'
        'Neg(Add(Div(Neg(Add(U,Div(I,1))),Neg(3)),Neg(E)))))'
    ),
}
"""The losses of CSE-Autoloss (Liu et al., ICLR 2021) as published, for ``parse_prefix``.

A is for two-stage, B for one-stage detectors. The classification losses read ``q``, the IoU of the box of a score:
``b_cls`` can be used with the inputs ``'quality'`` in heads that pass it, such as those of GFL, VFNet and RTMDet; it also
reads logits (``leaves={'X': LOGIT}``), and its authors multiply it by 0.25 where y is 1 and 0.75 elsewhere. ``a_cls`` is for
a softmax, beside which no head passes qualities; it can be imported and computed.
"""


def _least(value: str, bound: float) -> str:
    """The smaller of a value and a bound: min(d, b) = (d + b - |d - b|) / 2."""
    return f'0.5 * ({value} + {bound} - abs({value} - {bound}))'


def _of_angles(cosine: str) -> str:
    """The cross-entropy of 30 times cosines up to a constant: the logarithm of a mean in place of that of a sum."""
    return f'y * (log(mean_c(exp(30 * ({cosine})))) - 30 * ({cosine}))'


_D = 'abs(p - y)'
_CE = '-y * log(p)'
_BCE = '-(y * log(p) + (1 - y) * log(1 - p))'
_FOCAL = '-(0.25 * y * (1 - p) ** 2 * log(p) + 0.75 * (1 - y) * p ** 2 * log(1 - p))'
_FOCAL_SOFTMAX = '-y * (1 - p) ** 2 * log(p)'

# against wrong labels; x ** 0.7 is exp(0.7 * log(x)). With one-hot y, what is said of the other classes needs only their p.
_GCE = 'y * (1 - exp(0.7 * log(p))) / 0.7'
_SCE = '-0.1 * y * log(p) + 4 * p * (1 - y)'
_TAYLOR = 'y * (1 - p) * (1 + (1 - p) * (0.5 + (1 - p) * (1 / 3 + (1 - p) / 4)))'
# y sums up to 1 over the classes, so its mean is 1 / C
_LABEL_SMOOTHING = '-(0.9 * y + 0.1 * mean_c(y)) * log(p)'

# means over the pixels instead of sums: their number cancels
_DICE = '1 - 2 * mean_nhw(p * y) / (mean_nhw(p ** 2) + mean_nhw(y ** 2))'
_NAIVE_DICE = '1 - 2 * mean_nhw(p * y) / (mean_nhw(p) + mean_nhw(y))'
# of all classes together; y puts it into the channel of the label alone, where a sum over channels finds it once
_JOINT_DICE = 'y * (1 - 2 * mean_c(mean_nhw(p * y)) / (mean_c(mean_nhw(p ** 2)) + mean_c(mean_nhw(y ** 2))))'
_JACCARD = '1 - mean_nhw(p * y) / (mean_nhw(p) + mean_nhw(y) - mean_nhw(p * y))'
_TVERSKY = '1 - mean_nhw(p * y) / (mean_nhw(p * y) + 0.3 * mean_nhw(p * (1 - y)) + 0.7 * mean_nhw((1 - p) * y))'

# of each instance, whose pixels are the channels
_INSTANCE_DICE = _DICE.replace('mean_nhw', 'mean_c')
_NAIVE_INSTANCE_DICE = _NAIVE_DICE.replace('mean_nhw', 'mean_c')

# losses with two pieces that meet at a bound b: with m = min(d, b), smooth L1 is m * (d - m / 2), and a wing loss is
# its curve at m plus its slope beyond b times d - m
_SMOOTH_L1 = f'{_least(_D, 1)} * ({_D} - 0.5 * ({_least(_D, 1)}))'
_WING = f'10 * log(1 + {_least(_D, 10)} / 2) + {_D} - {_least(_D, 10)}'
# x ** a is exp(a * log(x)), here with a = 2.1 - y; 1e-12 since log(0) is 0. _BEND is 0.5 ** a.
_CURVE = f'log(1 + exp((2.1 - y) * log({_least(_D, 0.5)} + 1e-12)))'
_BEND = f'exp(-{math.log(2)} * (2.1 - y))'
_SLOPE = f'2 * (2.1 - y) * {_BEND} / (1 + {_BEND})'
_ADAPTIVE_WING = f'14 * ({_CURVE} + {_SLOPE} * ({_D} - {_least(_D, 0.5)}))'

_KL = 'y * (log(y) - log(p))'
_PEAK_FOCAL = '-(y * (1 - p) ** 2 * log(p) + (1 - y) * ((1 - q) ** 2) ** 2 * p ** 2 * log(1 - p))'
_BCE_Q = '-(q * log(p) + (1 - q) * log(1 - p))'

_MARGIN = '(a - n + 0.3)'
# cos(x + 0.5) is cos(x) * cos(0.5) - sin(x) * sin(0.5); the small number keeps the derivative of the root finite
_ARC = f'c + y * ({math.cos(0.5) - 1} * c - {math.sin(0.5)} * sqrt(1.000001 - c ** 2))'
# the logarithm of a mean in place of that of a sum differs by a constant
_SUP_CON = 'y * (log(mean_c(exp(p / 0.1))) - p / 0.1) / mean_c(y)'

_VALUES = ('delta', 'heatmap', 'keypoint', 'motion')
_SCORES = ('softmax', 'sigmoid', 'mask')
_CSE_SOURCE = 'Liu et al., ICLR 2021, CSE-Autoloss-{} as written; its constants are here in areas of the target'

ZOO: dict[str, KnownLoss] = {
    'ce': KnownLoss(_CE, ('softmax',), 'cross-entropy'),
    'bce': KnownLoss(_BCE, ('sigmoid', 'mask', 'instance'), 'binary cross-entropy'),
    'focal': KnownLoss(_FOCAL, ('sigmoid', 'mask'), 'Lin et al., ICCV 2017, gamma 2, alpha 0.25'),
    'focal_softmax': KnownLoss(_FOCAL_SOFTMAX, ('softmax',), 'the same over exclusive classes, gamma 2'),
    'mae': KnownLoss('2 * y * (1 - p)', ('softmax',), 'Ghosh et al., AAAI 2017: the sum over the classes of |p - y|'),
    'gce': KnownLoss(_GCE, ('softmax',), 'Zhang and Sabuncu, NeurIPS 2018, generalised cross-entropy, q = 0.7'),
    'sce': KnownLoss(
        _SCE, ('softmax',), 'Wang et al., ICCV 2019, symmetric cross-entropy, alpha 0.1, beta 1, log(0) = -4'
    ),
    'taylor_ce': KnownLoss(_TAYLOR, ('softmax',), 'Feng et al., IJCAI 2020, Taylor cross-entropy of order 4'),
    'poly1': KnownLoss(f'{_CE} + y * (1 - p)', ('softmax',), 'Leng et al., ICLR 2022, epsilon 1'),
    'label_smoothing': KnownLoss(_LABEL_SMOOTHING, ('softmax',), 'Szegedy et al., CVPR 2016, 0.1'),
    'dice': KnownLoss(_DICE, _SCORES, 'Milletari et al., 3DV 2016, a batch as one sample'),
    'naive_dice': KnownLoss(_NAIVE_DICE, _SCORES, 'Drozdzal et al., DLMIA 2016 plus 1, a batch as one sample'),
    'joint_dice': KnownLoss(_JOINT_DICE, ('softmax',), 'DiceLoss of mmseg: all classes and a batch as one sample'),
    'jaccard': KnownLoss(_JACCARD, _SCORES, 'Rahman and Wang, ISVC 2016, a batch as one sample'),
    'tversky': KnownLoss(_TVERSKY, _SCORES, 'Salehi et al., MLMI 2017, alpha 0.3, beta 0.7, a batch as one sample'),
    'ce_dice': KnownLoss(
        f'{_CE} + 3 * ({_JOINT_DICE})', ('softmax',), 'ce + 3 * joint_dice, weights of the U-Nets of mmseg'
    ),
    'bce_dice': KnownLoss(
        f'{_BCE} + ({_NAIVE_DICE})',
        ('sigmoid', 'mask'),
        'bce + naive_dice, as in Mask2Former (Cheng et al., CVPR 2022)',
    ),
    'focal_dice': KnownLoss(
        f'20 * ({_FOCAL}) + ({_NAIVE_DICE})',
        ('sigmoid', 'mask'),
        '20 * focal + naive_dice, as in MaskFormer (Cheng et al., NeurIPS 2021)',
    ),
    'focal_softmax_dice': KnownLoss(
        f'{_FOCAL_SOFTMAX} + ({_NAIVE_DICE})', ('softmax',), 'focal_softmax + naive_dice, as DiceFocalLoss of MONAI'
    ),
    'instance_dice': KnownLoss(_INSTANCE_DICE, ('instance',), 'Milletari et al., 3DV 2016, of each instance'),
    'naive_instance_dice': KnownLoss(
        _NAIVE_INSTANCE_DICE, ('instance',), 'the same without squares, as in Mask2Former (Cheng et al., CVPR 2022)'
    ),
    'l1': KnownLoss(_D, _VALUES, 'absolute error'),
    'smooth_l1': KnownLoss(_SMOOTH_L1, _VALUES, 'Girshick, ICCV 2015, beta 1'),
    'mse': KnownLoss('(p - y) ** 2', (*_VALUES, *_SCORES, 'direction'), 'squared error; of directions, BYOL'),
    'mpjpe': KnownLoss(
        'sqrt(mean_c((p - y) ** 2) / 3)', ('motion',), 'the distance of points of space, as MPJPELoss of mmpose'
    ),
    'wing': KnownLoss(_WING, ('delta',), 'Feng et al., CVPR 2018, omega 10, epsilon 2'),
    'adaptive_wing': KnownLoss(
        _ADAPTIVE_WING, ('heatmap',), 'Wang et al., ICCV 2019, alpha 2.1, omega 14, epsilon 1, theta 0.5'
    ),
    'kl': KnownLoss(_KL, ('bins',), 'Kullback-Leibler divergence, as KLDiscretLoss of mmpose'),
    'qfl': KnownLoss(f'({_BCE_Q}) * (q - p) ** 2', ('quality',), 'Li et al., NeurIPS 2020, beta 2'),
    'vfl': KnownLoss(
        f'({_BCE_Q}) * (q + 0.75 * (1 - y) * p ** 2)', ('quality',), 'Zhang et al., CVPR 2021, alpha 0.75, gamma 2'
    ),
    'peak_focal': KnownLoss(
        _PEAK_FOCAL, ('peak',), 'Law and Deng, ECCV 2018, CornerNet, alpha 2, beta 4, as GaussianFocalLoss of mmdet'
    ),
    'oks': KnownLoss(
        '0.5 * (1 - exp(-mean_c((p - y) ** 2)))',
        ('keypoint',),
        'Maji et al., CVPRW 2022, YOLO-Pose, points of a plane',
    ),
    'triplet': KnownLoss(
        f'0.5 * ({_MARGIN} + abs{_MARGIN})',
        ('triplet',),
        'Hermans et al., arXiv 1703.07737, margin 0.3, as TripletLoss of mmdet',
    ),
    'triplet_soft': KnownLoss('log(1 + exp(a - n))', ('triplet',), 'the same with a soft margin'),
    'contrastive': KnownLoss(
        f'y * (1 - p) + (1 - y) * (p - {_least("p", 0.5)})',
        ('pairs',),
        'Hadsell et al., CVPR 2006, on cosines: cosine embedding loss, margin 0.5',
    ),
    'sup_con': KnownLoss(
        _SUP_CON, ('pairs',), 'Khosla et al., NeurIPS 2020, temperature 0.1, times the number of partners'
    ),
    'normface': KnownLoss(
        _of_angles('c'), ('cosine',), 'Wang et al., ACM MM 2017: cross-entropy of 30 times the cosines'
    ),
    'cosface': KnownLoss(_of_angles('c - 0.35 * y'), ('cosine',), 'Wang et al., CVPR 2018, scale 30, margin 0.35'),
    'arcface': KnownLoss(
        _of_angles(_ARC), ('cosine',), 'Deng et al., CVPR 2019, scale 30, margin 0.5, up to its change beyond pi'
    ),
    'iou': KnownLoss('1 - i / u', ('area',), 'Yu et al., ACM MM 2016, linear form'),
    'giou': KnownLoss('1 - i / u + (e - u) / e', ('area',), 'Rezatofighi et al., CVPR 2019'),
    'cse_a': KnownLoss(str(parse_prefix(CSE['a_reg'])), ('area',), _CSE_SOURCE.format('A')),
    'cse_b': KnownLoss(str(parse_prefix(CSE['b_reg'])), ('area',), _CSE_SOURCE.format('B')),
}
"""Known losses by name.

``tversky`` differs from mmseg's ``TverskyLoss``: there is no ``smooth`` (1 in mmseg, added to numerator and denominator),
the images of a batch are one sample (in mmseg the mean over images) and classes are summed (in mmseg averaged).
"""


def name_of(tree: Tree) -> str | None:
    """The name of the known loss with this expression, written as in the zoo; None if there is none."""
    return next((name for name, loss in ZOO.items() if parse(loss.expression) == tree), None)


def is_known(name: str) -> bool:
    """Whether it is the name of a known loss: one of ``ZOO``, or ``NAME.BRANCH`` of a card (``losses.cards``)."""
    return name in ZOO or name in shipped()


def kinds_of(name: str) -> tuple[str, ...]:
    """The kinds of input for which a known loss is meant."""
    return ZOO[name].inputs if name in ZOO else (shipped()[name][0],)


def known_loss(name: str, inputs: str) -> str:
    """The expression of a known loss.

    Raises:
        SetupError: There is no such loss for this kind of input, or no such kind.
    """
    input_kind(inputs)
    fitting = {key: loss.expression for key, loss in ZOO.items() if inputs in loss.inputs}
    fitting |= {key: expression for key, (kind, expression) in shipped().items() if kind == inputs}
    if name not in fitting:
        hint = f', which is for {", ".join(kinds_of(name))}' if is_known(name) else ''
        raise SetupError(f'The known losses for inputs "{inputs}" are {", ".join(fitting)}, but got {name!r}{hint}.')
    return fitting[name]
