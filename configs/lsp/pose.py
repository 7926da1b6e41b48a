"""A small heat-map network on Leeds Sports Pose (14 joints, one person an image), trained from scratch on the CPU.

Data: COCO json under ``data_root`` (``annotations/{train,val}.json``, ``images/``); elsewhere with
``--cfg-options data_root=/path/to/lsp``.
"""

_base_ = '../digits/pose.py'

max_iters = 180
data_root = 'data/lsp/'
codec = dict(type='MSRAHeatmap', input_size=(96, 96), heatmap_size=(24, 24), sigma=1.5)
dataset_type = 'BaseCocoStyleDataset'
joints = [  # name, its mirror image
    ('right_ankle', 'left_ankle'),
    ('right_knee', 'left_knee'),
    ('right_hip', 'left_hip'),
    ('left_hip', 'right_hip'),
    ('left_knee', 'right_knee'),
    ('left_ankle', 'right_ankle'),
    ('right_wrist', 'left_wrist'),
    ('right_elbow', 'left_elbow'),
    ('right_shoulder', 'left_shoulder'),
    ('left_shoulder', 'right_shoulder'),
    ('left_elbow', 'right_elbow'),
    ('left_wrist', 'right_wrist'),
    ('neck', ''),
    ('head_top', ''),
]
limbs = [
    ('right_ankle', 'right_knee'),
    ('right_knee', 'right_hip'),
    ('left_ankle', 'left_knee'),
    ('left_knee', 'left_hip'),
    ('right_hip', 'left_hip'),
    ('right_wrist', 'right_elbow'),
    ('right_elbow', 'right_shoulder'),
    ('left_wrist', 'left_elbow'),
    ('left_elbow', 'left_shoulder'),
    ('right_shoulder', 'neck'),
    ('left_shoulder', 'neck'),
    ('neck', 'head_top'),
]
metainfo = dict(
    dataset_name='lsp',
    keypoint_info={index: dict(name=name, id=index, type='', swap=swap) for index, (name, swap) in enumerate(joints)},
    skeleton_info={index: dict(link=limb, id=index) for index, limb in enumerate(limbs)},
    joint_weights=[1.0] * 14,
    # of COCO's joints; neck and head top as in mmpose's CrowdPose. PCK does not read them, CocoMetric would.
    sigmas=[0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.062, 0.072, 0.079, 0.079, 0.072, 0.062, 0.079, 0.079],
)

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
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        _delete_=True,
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/'),
        metainfo=metainfo,
        pipeline=train_pipeline,
    ),
)
val_dataset = dict(
    _delete_=True,
    type=dataset_type,
    data_root=data_root,
    ann_file='annotations/val.json',
    data_prefix=dict(img='images/'),
    metainfo=metainfo,
    test_mode=True,
    pipeline=test_pipeline,
)
val_dataloader = dict(batch_size=40, dataset=val_dataset)
test_dataloader = dict(batch_size=40, dataset=val_dataset)
# At a fifth of the box, the usual bar, guessing the mean pose gives 0.39 already; at a tenth it gives 0.12.
val_evaluator = dict(thr=0.1)
test_evaluator = val_evaluator

model = dict(
    backbone=dict(num_stages=4, strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), out_indices=(3,)),
    head=dict(in_channels=128, out_channels=14, decoder=codec),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
