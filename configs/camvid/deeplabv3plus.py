"""A small DeepLabV3+ on CamVid street scenes (11 classes), trained from scratch on the CPU.

Data: images in ``img/{train,val}`` and label maps in ``ann/{train,val}`` under ``data_root``, 240 x 180 pixels, 255 is
ignored; elsewhere with ``--cfg-options data_root=/path/to/camvid``.
"""

_base_ = '../digits/deeplabv3plus.py'

max_iters = 70
data_root = 'data/camvid/'
image_scale = (128, 96)  # width, height
metainfo = dict(
    classes=(
        'Sky', 'Building', 'Pole', 'Road', 'Pavement', 'Tree', 'SignSymbol', 'Fence', 'Car', 'Pedestrian', 'Bicyclist'
    ),
    palette=[
        (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
        (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
    ],
)  # fmt: skip

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=image_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=False),
    dict(type='LoadAnnotations'),  # after Resize: scores are those of the full size
    dict(type='PackSegInputs'),
]
val_dataset = dict(
    _delete_=True,
    type='BaseSegDataset',
    data_root=data_root,
    data_prefix=dict(img_path='img/val', seg_map_path='ann/val'),
    metainfo=metainfo,
    test_mode=True,
    pipeline=test_pipeline,
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='BaseSegDataset',
        data_root=data_root,
        data_prefix=dict(img_path='img/train', seg_map_path='ann/train'),
        metainfo=metainfo,
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(batch_size=20, dataset=val_dataset)
test_dataloader = dict(batch_size=20, dataset=val_dataset)

num_classes = 11
model = dict(
    data_preprocessor=dict(size=(96, 128)),  # height, width
    decode_head=dict(num_classes=num_classes, out_channels=num_classes),
    auxiliary_head=dict(num_classes=num_classes, out_channels=num_classes),
)

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=8e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=10, end=max_iters, eta_min=0),
]
