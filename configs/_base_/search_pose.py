"""What every search on the loss of a heat-map head shares.

To search for the mean error instead of the share of hits, set ``rule='less'``, ``metric='NME'`` and
``val_evaluator=dict(_delete_=True, type='NME', norm_mode='use_norm_item', norm_item='bbox_size')``.
"""

_base_ = './search_small.py'

search = dict(
    metric='PCK',
    branches=dict(heatmap=dict(path='head.loss_module', inputs='heatmap')),
    seeds=['mse', 'l1', 'adaptive_wing'],
)
