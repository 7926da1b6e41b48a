"""A small Mask R-CNN on digit scenes, trained from scratch within seconds on one CPU core.

The Faster R-CNN of this folder with a narrow mask head. One mask for all classes: ten masks an object would each
see a tenth of the few hundred objects that so short a training meets.
"""

_base_ = './faster_rcnn.py'

max_iters = 200
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', scale=_base_.image_scale, keep_ratio=True),
    dict(type='PackDetInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_evaluator = dict(metric=['bbox', 'segm'])
test_evaluator = dict(metric=['bbox', 'segm'])

model = dict(
    type='MaskRCNN',
    data_preprocessor=dict(pad_mask=True),
    roi_head=dict(
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1),
            out_channels=_base_.channels,
            featmap_strides=_base_.strides[:1],
        ),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=1,
            in_channels=_base_.channels,
            conv_out_channels=32,
            num_classes=10,
            class_agnostic=True,
            loss_mask=dict(type='CrossEntropyLoss', use_mask=True, loss_weight=1.0),
        ),
    ),
    train_cfg=dict(rcnn=dict(mask_size=14)),  # twice the RoI's 7: the head upsamples
    test_cfg=dict(rcnn=dict(mask_thr_binary=0.5)),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
