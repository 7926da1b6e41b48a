"""What every search on the loss of a classifier shares."""

_base_ = './search_small.py'

search = dict(
    metric='accuracy/top1',
    branches=dict(cls=dict(path='head.loss_module', inputs='softmax')),
    seeds=['ce', 'focal_softmax', 'mse', 'gce', 'taylor_ce', 'sce', 'label_smoothing', 'mae', 'poly1'],
)
