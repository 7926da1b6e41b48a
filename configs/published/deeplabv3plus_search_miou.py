"""Searches the losses of DeepLabV3+ R50-D8 on VOC 2012 for mIoU, with the published numbers of AutoLoss-Zero.

Published: K = 20, P = 2500, T = 5 %, D = 3, B = 5, eta = 0.6, 10 % copies, 50 % fresh graphs, two digits, invalid stop
within 20 updates, over 10^6 candidates explored. The proxy is that of Auto Seg-Loss (Li et al., ICLR 2021): 1500
training images held out, 128 x 128 crops, 1000 iterations of 32 images, SGD with lr 0.02, ten times that in the heads.
Not published, so ours: the decay of lr, the descent of the rejection test, how branches are varied. The five other
``deeplabv3plus_search_*.py`` differ in the metric only. Meant for GPUs: one candidate each, ``--workers N``.
"""

_base_ = ['../deeplabv3plus.py', '../_base_/search_published.py']

max_iters = 1000
crop_size = (128, 128)
scale = (512, 128)  # a quarter of the base config's

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=scale, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations'),  # after Resize: scores are those of the full size
    dict(type='PackSegInputs'),
]

# The search never sees val.txt: it scores on the first 1500 images of aug.txt, whose 9118 lines are in no order, and
# trains on the others.
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    dataset=dict(
        datasets=[
            dict(_base_.dataset_train, pipeline=train_pipeline),
            dict(_base_.dataset_aug, pipeline=train_pipeline, indices=-7618),
        ]
    ),
)
val_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/aug.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        indices=1500,
        test_mode=True,
        pipeline=test_pipeline,
    )
)

norm_cfg = dict(type='BN', requires_grad=True)  # a candidate trains on one GPU
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(norm_cfg=norm_cfg),
    decode_head=dict(norm_cfg=norm_cfg),
    auxiliary_head=dict(norm_cfg=norm_cfg),
)
optim_wrapper = dict(
    optimizer=dict(lr=0.02),
    paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=10.0))),  # decode_head and auxiliary_head
)
param_scheduler = [dict(type='PolyLR', eta_min=1e-4, power=0.9, begin=0, end=max_iters, by_epoch=False)]
log_level = 'ERROR'
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_cfg = dict(
    _delete_=True,
    **_base_.published,
    base_config='{{ fileDirname }}/../deeplabv3plus.py',
    metric='mIoU',
    branches=dict(
        decode=dict(path='decode_head.loss_decode', inputs='softmax'),
        aux=dict(path='auxiliary_head.loss_decode', inputs='softmax'),
    ),
    aux='search',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=max_iters), invalid_stop=20),
    describe=dict(
        task='segmentation', set='voc', network='deeplabv3plus_r50_d8', hand_made='ce+ce', split='search_val'
    ),
)
