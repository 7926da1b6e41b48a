"""The small DeepLabV3+ on CamVid at 192x144: does a loss that was found at 128x96 hold for larger images?

``python -m mmautoloss transfer WORK_DIR configs/transfer/camvid_deeplabv3plus_large.py`` trains it with the losses of a
search.
"""

_base_ = '../camvid/deeplabv3plus_held_out.py'

_scale = (192, 144)  # width, height
_train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
_test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=_scale, keep_ratio=False),
    dict(type='LoadAnnotations'),  # after Resize: scores are those of the full size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        datasets=[dict(each, pipeline=_train_pipeline) for each in _base_.train_dataloader.dataset.datasets],
    )
)
val_dataloader = dict(dataset=dict(pipeline=_test_pipeline))
test_dataloader = val_dataloader
model = dict(data_preprocessor=dict(size=(144, 192)))  # height, width
