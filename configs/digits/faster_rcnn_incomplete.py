"""The small Faster R-CNN on digit scenes of which annotators overlooked 40 % of the digits, for F1 at a score of 0.5.

A network that is taught that digits are background gives those that it finds low scores. Annotations of the validation
set are complete. Trained to its end, it has a mAP50 of about 0.7.
"""

_base_ = './faster_rcnn.py'

max_iters = 400

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.train_pipeline[0],
            dict(type='mmautoloss.MissingInstances', rate=0.4),
            *_base_.train_pipeline[1:],
        ]
    )
)
val_evaluator = [dict(type='CocoMetric', metric='bbox'), dict(type='mmautoloss.DetectionF1')]
test_evaluator = val_evaluator

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
