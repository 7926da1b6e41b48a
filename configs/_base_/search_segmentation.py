"""What every search on a segmentation network with an auxiliary head shares, for small models on few cores.

A config on top names the ``metric``: mIoU, FWIoU, gAcc, mAcc, BIoU or BF1.
"""

search = dict(
    type='mmautoloss.SearchLoop',
    rule='greater',
    branches=dict(
        decode=dict(path='decode_head.loss_decode', inputs='softmax'),
        aux=dict(path='auxiliary_head.loss_decode', inputs='softmax'),
    ),
    aux='search',  # 'keep': the auxiliary head keeps its hand-made loss; 'off': it weighs nothing
    seeds=['ce', 'focal_softmax', 'dice', 'tversky'],
    strategy=dict(
        type='RegularizedEvolution',
        initial=6,
        tournament=0.3,
        copy_rate=0.0,
        fresh_rate=0.15,
        vary='one',
        mutations=3,
        distinct=True,
    ),
    screen=dict(
        samples=5, eta=0.6, steps=100, lr=0.2, optimizer='normalized', early=0.1, balance='gradient', digits=2
    ),
    execute=dict(workers=2, threads=1),
    seed=0,
)
