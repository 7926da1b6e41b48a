"""PyTorch code for a head's call of its loss, one template per kind of input: ``SearchedLoss`` without this package.

``{graph}`` is the function of the graph, ``{compute}`` and ``{logs}`` are the logarithms of probabilities that it reads
(the latter also the elapsed share of the training), ``{elapsed}`` is ``, t=1.0`` if it reads that share,
``{again}`` passes that share on, ``{masks}`` is ``, valid`` if it needs the mask of valid elements, ``{weight}`` the
``loss_weight``, ``{ignored}`` the default of ``ignore_index``. ``{settings}`` and ``{classes}`` are lines that define and
apply class weights. ``{count}``, an expression of the valid labels, is the divisor of the sum without a normaliser.
``{keypoints}`` are lines that weigh keypoints, ``{scaled}`` and ``{changes}`` factors of the parts of a motion.
"""

from __future__ import annotations

from mmautoloss.expr.logarithms import LOG_NOT_P, LOG_P

_START = 'pred = pred if pred.dtype == torch.float64 else pred.float()  # halves overflow\n{settings}'
_DIVISOR = 'if avg_factor is None else avg_factor + 2**-23\n'

_AREA = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: boxes (M, 4) as x1, y1, x2, y2, weights (M,) or (M, 4).\"\"\"
    {_START}\
    count = len(pred)
    if weight is not None:
        weight = weight.mean(dim=1) if weight.dim() == 2 else weight
        keep = weight != 0
        pred, target, weight = pred[keep], target[keep], weight[keep]
    if not len(pred):
        return pred.sum()
    values = {{graph}}(*areas(pred, target.to(pred)){{logs}})
{{classes}}\
    total = (values if weight is None else values * weight[:, None, None, None]).sum()
    divisor = count {_DIVISOR}\
    return {{weight}} * total / divisor
"""

AREAS = """\
def areas(pred, target):
    \"\"\"Intersection, union and enclosing box, (M, 1, 1, 1), in areas of the target.\"\"\"
    larger = torch.maximum(pred, target).chunk(2, dim=1)
    smaller = torch.minimum(pred, target).chunk(2, dim=1)
    i = (smaller[1] - larger[0]).clamp(min=0).prod(dim=1)
    e = (larger[1] - smaller[0]).clamp(min=0).prod(dim=1)
    own, wanted = ((x[:, 2:] - x[:, :2]).prod(dim=1) for x in (pred, target))
    u = own + wanted - i
    scale = wanted.clamp(min=1e-6)
    u, e = u.clamp(min=1e-6), e.clamp(min=1e-6)
    return [(x / scale).view(-1, 1, 1, 1) for x in (i, u, e)]
"""

_MASK = f"""\
def {{name}}(pred, target, label, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: logits (M, C, H, W), masks (M, H, W) and classes (M,).\"\"\"
    {_START}\
    if not pred.numel():
        return pred.sum()
    if pred.dim() == 3:  # points are masks of one column
        pred, target = pred[..., None], target[..., None]
    index = torch.arange(len(pred), device=pred.device)
    pred = pred[index, label.long()][:, None]
    p, y = pred.sigmoid(), target[:, None].to(pred)
    count = p.numel()
    {{compute}}values = {{graph}}(p, y{{logs}})
{{classes}}\
    divisor = count {_DIVISOR}\
    return {{weight}} * values.sum() / divisor
"""

_SOFTMAX = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None, ignore_index={{ignored}}{{elapsed}}):
    \"\"\"The loss of one call: logits (M, C) and labels (M,) or targets (M, C), or maps; a weight a label.\"\"\"
    {_START}\
    classes = pred.shape[1]
    if pred.dim() == 2 and target.shape == pred.shape:  # shares, as of Mixup
        labels, keep = target, target.new_ones(len(target), dtype=torch.bool)
    else:
        pred = pred.movedim(1, -1).reshape(-1, classes)  # pixels as rows
        target = target.flatten()
        keep = (target >= 0) & (target < classes) & (target != ignore_index)
        labels = target[keep].long()
    count = {{count}}
    if weight is not None:
        weight = weight.flatten()
        keep &= weight != 0
        weight = weight[keep][:, None, None, None]
    pred, target = pred[keep], target[keep]
    if not len(pred):
        return pred.sum()
    p = pred.softmax(dim=1)
    one_hot = torch.nn.functional.one_hot
    y = (target if target.dim() == 2 else one_hot(target.long(), classes)).to(p)
    p, y = p[:, :, None, None], y[:, :, None, None]
    {{compute}}values = {{graph}}(p, y{{logs}})
{{classes}}\
    total = (values if weight is None else values * weight).sum()
    divisor = count {_DIVISOR}\
    return {{weight}} * total / divisor
"""

_AS_MAPS = """\
    for _ in range(4 - pred.dim()):  # rows are maps of one pixel, points of one column
        pred, target = pred[..., None], target[..., None]
        weight = weight if weight is None else weight[..., None]
"""
_MASKED = f"""\
    p, y = torch.where(valid, p, 0), torch.where(valid, y, 0)
    {{compute}}values = {{graph}}(p, y{{logs}}{{masks}})
{{classes}}\
    total = torch.where(valid, values if weight is None else values * weight, 0).sum()
    divisor = count {_DIVISOR}\
    return {{weight}} * total / divisor
"""

_SOFTMAX_MAPS = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None, ignore_index={{ignored}}{{elapsed}}):
    \"\"\"The loss of one call: logits (M, C) and labels (M,) or targets (M, C), or maps; a weight a label.\"\"\"
    {_START}\
    soft = pred.dim() == 2 and target.shape == pred.shape  # shares, as of Mixup
{_AS_MAPS}\
    classes = pred.shape[1]
    if soft:
        labels = target[:, :, 0, 0]
        valid = torch.ones_like(pred[:, :1], dtype=torch.bool)
    else:
        valid = ((target >= 0) & (target < classes) & (target != ignore_index))[:, None]
        labels = target[valid[:, 0]].long()
    count = {{count}}
    if weight is not None:
        weight = weight[:, None]
        valid = valid & (weight != 0)
    pred = torch.where(valid, pred, 0)
    p = pred.softmax(dim=1)
    if not soft:
        label = target.long().clamp(0, classes - 1)
        target = torch.nn.functional.one_hot(label, classes).movedim(-1, 1)
    y = target.to(p)
{_MASKED}"""

_SIGMOID = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None, ignore_index={{ignored}}{{elapsed}}):
    \"\"\"The loss of one call: logits (M, C), points (N, K, C) or maps (N, C, H, W).

    Targets are as large, or labels: of rows C is background, and of a map with one channel
    1 is its class. Weights are one a row or pixel, or one an element.
    \"\"\"
    {_START}\
    if pred.dim() == 1:
        pred, target = pred[:, None], target[:, None]
    if pred.dim() == 3 and target.shape == pred.shape:  # points are rows
        pred, target = pred.flatten(0, 1), target.flatten(0, 1)
        weight = weight if weight is None else weight.flatten(0, 1)
    rows = pred.dim() == 2
    if rows and weight is not None and weight.dim() == 1 and len(weight) != len(pred):
        weight = weight.view(len(pred), -1)  # flat weights of elements
{_AS_MAPS}\
    classes = pred.shape[1]
    valid = (target >= 0) & (target != ignore_index)
    if target.dim() < pred.dim():
        valid = valid[:, None]
        first = int(classes == 1 and not rows)
        target = torch.stack([target == first + c for c in range(classes)], dim=1)
    count = valid.any(dim=1).sum().clamp(min=1)
    if weight is not None:
        weight = weight if weight.dim() == 4 else weight[:, None]
        valid = valid & (weight != 0)
    pred = torch.where(valid, pred, 0)
    p, y = pred.sigmoid(), target.to(pred).clamp(min=0)
{_MASKED}"""

_DELTA = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: values and targets (M, C), weights (M,) or (M, C); or points, or maps.\"\"\"
    {_START}\
    sides = pred.dim()
    pred, target = as_rows(pred, sides), as_rows(target, sides)
    weight = as_rows(weight, sides) if weight is not None and sides > 1 else weight
    count = max(len(pred), 1)
    p, y = pred[:, :, None, None], target.to(pred)[:, :, None, None]
    valid = torch.ones_like(p, dtype=torch.bool)
    if weight is not None:
        weight = (weight if weight.dim() == 2 else weight[:, None])[:, :, None, None]
        valid = (weight != 0).expand(p.shape)
{_MASKED}"""

AS_ROWS = """\
def as_rows(values, sides):
    \"\"\"Numbers (M,), points (N, K, C) and maps (N, C, H, W) as rows; weights may have no channel.\"\"\"
    if sides == 1:
        return values[:, None]
    if values.dim() < sides:
        return values.flatten()
    return (values.movedim(1, -1) if sides == 4 else values).flatten(0, -2)
"""

_OF_MAPS = """\
    valid = torch.ones_like(pred, dtype=torch.bool)
    count = max(pred[:, 0].numel(), 1)
    if weight is not None:
        weight = weight.view(*weight.shape[:2], *(weight.shape[2:] or (1, 1)))
    if torch.is_tensor(avg_factor) and avg_factor.dim() == 4:
        weight, avg_factor = avg_factor if weight is None else avg_factor * weight, None
    if weight is not None:
        valid = weight != 0
"""
_HEATMAP = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: maps (N, K, H, W), weights (N, K) or as large as the maps.

    In place of ``avg_factor`` some heads pass a mask of pixels (N, 1, H, W).
    \"\"\"
    {_START}\
{_OF_MAPS}\
    p, y = pred, target.to(pred)
{_MASKED}"""

_CHOSEN = """\
    count = len(pred)
    if weight is not None:
        keep = weight != 0
        pred, target, weight = pred[keep], target[keep], weight[keep]
        weight = weight[:, None, None, None]
    if not len(pred):
        return pred.sum()
"""
_OF_CHOSEN = f"""\
{{classes}}\
    total = (values if weight is None else values * weight).sum()
    divisor = count {_DIVISOR}\
    return {{weight}} * total / divisor
"""

_BINS = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: logits (M, C), weights (M,), and distributions (M, C) or positions (M,).

    Of logits (N, K, C) and distributions for each axis, with weights (N, K), it is the sum over
    the axes, each divided by its number of bins.
    \"\"\"
    if isinstance(weight, (int, float)):  # a temperature
        axes = [(p.flatten(0, -2), y.flatten(0, -2)) for p, y in zip(pred, target)]
        axes = [(weight * p, (weight * y).softmax(dim=1)) for p, y in axes]
        return sum({{name}}(p, y{{again}}) for p, y in axes)
    if not torch.is_tensor(pred):
{{keypoints}}\
        weight = weight if weight is None else weight.flatten()
        axes = [(p.flatten(0, -2), y.flatten(0, -2)) for p, y in zip(pred, target)]
        return sum({{name}}(p, y, weight, avg_factor{{again}}) / p.shape[1] for p, y in axes)
    {_START}\
{_CHOSEN}\
    if target.dim() == 1:  # a position is shared by the two bins beside it
        places = torch.arange(pred.shape[1], device=pred.device)
        target = (1 - (target[:, None] - places).abs()).clamp(min=0)
    p, y = pred.softmax(dim=1)[:, :, None, None], target.to(pred)[:, :, None, None]
    {{compute}}values = {{graph}}(p, y{{logs}})
{_OF_CHOSEN}"""

_QUALITY = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: logits (M, C), weights (M,), and a pair of labels and qualities (M,).

    Or qualities (M, C), 0 but in the column of the class, or labels and qualities as (M, C + 1),
    of which the last column is the quality, the others are the one-hot label.
    \"\"\"
    {_START}\
    if not torch.is_tensor(target):
        labels, quality = target
        y = labels[:, None] == torch.arange(pred.shape[1], device=pred.device)
        quality = quality.where(y.any(dim=1), quality.new_zeros(()))
        target = torch.cat([y.to(quality), quality[:, None]], dim=1)
    elif target.shape == pred.shape:
        best = target.amax(dim=1, keepdim=True)
        target = torch.cat([(target > 0).to(target), best], dim=1)
    weight = weight if weight is None else weight.flatten()
{_CHOSEN}\
    pred, target = pred[:, :, None, None], target.to(pred)[:, :, None, None]
    p, y = pred.sigmoid(), target[:, :-1]
    q = y * target[:, -1:]
    {{compute}}values = {{graph}}(p, y, q{{logs}})
{_OF_CHOSEN}"""

_INSTANCE = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: mask logits (M, H, W) or (M, P), masks of that shape, weights (M,).\"\"\"
    {_START}\
    pred, target = pred.flatten(1), target.flatten(1)
{_CHOSEN}\
    pred, target = pred[:, :, None, None], target.to(pred)[:, :, None, None]
    p, y = pred.sigmoid(), target
    {{compute}}values = {{graph}}(p, y{{logs}}) / pred.shape[1]
{_OF_CHOSEN}"""

_PEAK = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: logits (N, C, H, W), weights (N, C) or as large as the maps.

    Targets are as large as the maps, 1 at centres. In place of ``avg_factor`` some heads pass a
    mask of pixels (N, 1, H, W).
    \"\"\"
    {_START}\
{_OF_MAPS}\
    pred = torch.where(valid, pred, 0)
    p, q = pred.sigmoid(), torch.where(valid, target.to(pred), 0)
    y = (q == 1).to(pred)
{_MASKED.replace('(p, y{logs}', '(p, y, q{logs}')}"""

_OF_EMBEDDINGS = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: embeddings (M, D), identities (M,), weights (M,).\"\"\"
    {_START}\
    keep = target >= 0
    count = max(int(keep.sum()), 1)
    if weight is not None:
        keep &= weight != 0
        weight = weight[keep][:, None, None, None]
    pred, target = pred[keep], target[keep]"""

_TRIPLET = f"""\
{_OF_EMBEDDINGS}
    same = target[:, None] == target
    if same.all():  # one identity, or none
        return (0 * pred).sum()
    rows, exact = pred.detach(), "donot_use_mm_for_euclid_dist"
    distance = torch.cdist(rows, rows, compute_mode=exact)
    farthest = pred[distance.where(same, -1).argmax(dim=1)]
    nearest = pred[distance.where(~same, torch.inf).argmin(dim=1)]
    squares = [(pred - x).square().sum(dim=1) for x in (farthest, nearest)]
    a, n = (x.clamp(min=1e-12).sqrt().view(-1, 1, 1, 1) for x in squares)
    values = {{graph}}(a, n{{logs}})
{_OF_CHOSEN}"""

_PAIRS = f"""\
{_OF_EMBEDDINGS}
    rows = len(pred)
    if rows < 2:
        return (0 * pred).sum()
    x = torch.nn.functional.normalize(pred, eps=1e-6)
    others = ~torch.eye(rows, dtype=torch.bool, device=pred.device)
    pairs = x @ x.T, (target[:, None] == target).to(pred)
    p, y = (x[others].view(rows, rows - 1, 1, 1) for x in pairs)
    values = {{graph}}(p, y{{logs}})
{_OF_CHOSEN}"""

_COSINE = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None, ignore_index={{ignored}}{{elapsed}}):
    \"\"\"The loss of one call: cosines (M, C), labels (M,) or targets (M, C), weights (M,).\"\"\"
    {_START}\
    if target.dim() == 1:
        keep = (target >= 0) & (target < pred.shape[1]) & (target != ignore_index)
        weight = weight if weight is None else weight[keep]
        pred, target = pred[keep], target[keep].long()
        target = torch.nn.functional.one_hot(target, pred.shape[1])
{_CHOSEN}\
    c, y = pred.clamp(-1, 1)[:, :, None, None], target.to(pred)[:, :, None, None]
    values = {{graph}}(c, y{{logs}})
{_OF_CHOSEN}"""

_DIRECTION = f"""\
def {{name}}(pred, target, weight=None, avg_factor=None{{elapsed}}):
    \"\"\"The loss of one call: features and targets (M, C), weights (M,); or (N, L, C) and (N, L).\"\"\"
    {_START}\
    if pred.dim() == 3:
        pred, target = pred.flatten(0, 1), target.flatten(0, 1)
        weight = weight if weight is None else weight.flatten()
{_CHOSEN}\
    units = (torch.nn.functional.normalize(x) for x in (pred, target.to(pred)))
    p, y = (x[:, :, None, None] for x in units)
    values = {{graph}}(p, y{{logs}})
{_OF_CHOSEN}"""

_MOTION = _DELTA.replace(
    '; or points, or maps."""\n',
    """.

    Of points (N, T, K, D) in T frames it is the sum of the losses of the points, of the points in the
    scale that fits best, and of their changes from frame to frame.
    \"\"\"
    if pred.dim() == 4:
        scale = (target * pred).sum(dim=(2, 3), keepdim=True)
        scale = scale / (pred * pred).sum(dim=(2, 3), keepdim=True)
        steps = pred.diff(dim=1), target.diff(dim=1)
        parts = [(pred, target), (scale * pred, target), steps]
        parts = [(p.flatten(0, 1), y.flatten(0, 1)) for p, y in parts]
        points, scaled, changes = ({name}(p, y{again}) for p, y in parts)
        return points + {scaled} * scaled + {changes} * changes
""",
)

ROWS = {
    'softmax': _SOFTMAX,
    'sigmoid': _SIGMOID,
    'mask': _MASK,
    'heatmap': _HEATMAP,
    'delta': _DELTA,
    'area': _AREA,
    'bins': _BINS,
    'quality': _QUALITY,
    'instance': _INSTANCE,
    'peak': _PEAK,
    'keypoint': _DELTA,
    'triplet': _TRIPLET,
    'pairs': _PAIRS,
    'cosine': _COSINE,
    'direction': _DIRECTION,
    'motion': _MOTION,
}
"""For losses whose elements do not depend on each other; softmax takes pixels as rows and removes invalid ones."""

MAPS = {
    'softmax': _SOFTMAX_MAPS,
    'sigmoid': _SIGMOID,
    'heatmap': _HEATMAP,
    'delta': _DELTA,
    'peak': _PEAK,
    'keypoint': _DELTA,
    'motion': _MOTION,
}
"""For losses whose elements depend on others: the graph gets the mask of valid elements."""

_OF_SIGMOID = {
    LOG_P: 'torch.nn.functional.logsigmoid(pred).clamp(min=-1e9)',
    LOG_NOT_P: 'torch.nn.functional.logsigmoid(-pred).clamp(min=-1e9)',
}
_OF_SOFTMAX = {LOG_P: 'pred.log_softmax(dim=1).clamp(min=-1e9)', LOG_NOT_P: 'log_of_rest(pred)'}
LOGS = {
    'softmax': _OF_SOFTMAX,
    'bins': _OF_SOFTMAX,
    'quality': _OF_SIGMOID,
    'instance': _OF_SIGMOID,
    'peak': _OF_SIGMOID,
    'sigmoid': _OF_SIGMOID,
    'mask': _OF_SIGMOID,
}
"""Logarithms of ``p`` and ``1 - p`` from the logits ``pred``, exact where ``p`` is rounded to 0 or 1."""

LOG_OF_REST = """\
def log_of_rest(pred):
    \"\"\"The logarithm of 1 - p, for the softmax p of logits (M, C, ...).\"\"\"
    if pred.shape[1] == 1:
        return 0 * pred.clamp(0, 0)
    p = pred.softmax(dim=1)
    large = p > 0.5  # of one class at most: there it is the share of all others
    others = pred.masked_fill(large, -torch.inf).clamp(min=-1e9)
    share = others.logsumexp(dim=1, keepdim=True) - pred.logsumexp(dim=1, keepdim=True)
    rest = torch.log1p(-p.masked_fill(large, 0))
    return torch.where(large, share, rest).clamp(min=-1e9)
"""
