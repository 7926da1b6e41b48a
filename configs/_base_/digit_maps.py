"""Digit scenes with a class for every pixel: background or digit.

Which digit it is a small network does not learn within seconds; without ``metainfo`` there are eleven classes.

``val_dataloader`` reads ``search_val``, the split that scores the candidates of a search;
``test_dataloader`` reads ``val``, which no search sees.
"""

dataset_type = 'DigitMaps'
data_root = None  # None: the embedded scenes, made on first use in the user's cache
batch_size = 8
metainfo = dict(classes=('background', 'digit'), palette=[(0, 0, 0), (255, 255, 255)])

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
test_pipeline = train_pipeline  # nothing is random: a mirrored digit is no digit

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),  # a finite one costs 2 s at each restart
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='train', seg_map_path='labels/train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=25,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='search_val', seg_map_path='labels/search_val'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=25,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        data_prefix=dict(img_path='val', seg_map_path='labels/val'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='mmautoloss.SegmentationMetric')
test_evaluator = dict(type='mmautoloss.SegmentationMetric')
