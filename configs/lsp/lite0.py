"""A heat-map head on a pretrained EfficientNet-Lite0, on Leeds Sports Pose (14 joints), on the CPU.

The backbone is frozen, so what it makes of an image and of its mirror image is computed once a process. Weights of the
backbone: ``tools/convert_lite0.py work_dirs/efficientnet_lite0.pth``. Data as in ``pose.py``; scored as in the
literature, by hits within a fifth of the box (PCK at 0.2).
"""

_base_ = './pose.py'

max_iters = 400
custom_imports = dict(imports=['mmautoloss.datasets.keypoints', 'mmautoloss.backbones.efficientnet_lite'])
codec = dict(type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1.5)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(thr=0.2)
test_evaluator = val_evaluator

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='mmautoloss.EfficientNetLite',
        out_indices=(5,),
        frozen_stages=6,
        norm_eval=True,
        keep=True,
        enlarge=2.0,
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/efficientnet_lite0.pth'),
    ),
    head=dict(in_channels=320, deconv_out_channels=(64, 64), deconv_kernel_sizes=(4, 4), decoder=codec),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=40),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=40, end=max_iters, eta_min=0),
]
