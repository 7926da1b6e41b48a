"""What every search on a segmentation network with an auxiliary head shares.

A config on top names the ``metric``: mIoU, FWIoU, gAcc, mAcc, BIoU or BF1.
"""

_base_ = './search_small.py'

search = dict(
    branches=dict(
        decode=dict(path='decode_head.loss_decode', inputs='softmax'),
        aux=dict(path='auxiliary_head.loss_decode', inputs='softmax'),
    ),
    aux='search',  # 'keep': the auxiliary head keeps its hand-made loss; 'off': it weighs nothing
    seeds=['ce', 'focal_softmax', 'dice', 'tversky'],
)
