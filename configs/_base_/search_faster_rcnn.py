"""What every search on the four losses of Faster R-CNN shares; the numbers are for small models on few cores.

It repeats ``search_small.py``: configs in the new style of MMEngine import it, and may not import one that has ``_base_``.
"""

search = dict(
    type='mmautoloss.SearchLoop',
    metric='coco/bbox_mAP',
    rule='greater',
    branches=dict(
        rpn_cls=dict(path='rpn_head.loss_cls', inputs='sigmoid'),
        rpn_box=dict(path='rpn_head.loss_bbox', inputs='delta'),
        roi_cls=dict(path='roi_head.bbox_head.loss_cls', inputs='softmax'),
        roi_box=dict(path='roi_head.bbox_head.loss_bbox', inputs='delta'),
    ),
    seeds=[dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1')],
    strategy=dict(
        type='RegularizedEvolution',
        initial=1,
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
