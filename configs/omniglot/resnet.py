"""A narrow ResNet that tells handwritten characters apart by one example each (35 x 35 pixels), from scratch on the CPU.

Data: ``train/`` and ``val/`` with the drawings under ``data_root``, and lists of lines such as ``train/000_00.png
0``, a character its number; elsewhere with ``--cfg-options data_root=/path/to/omniglot``. No character is in both
lists. The score is the accuracy of runs with 20 characters that are drawn from the list; for the published runs, in
folders ``run01`` to ``run20`` with a list of all their images, set ``test_evaluator.run='(run\\d+)/'
test_evaluator.support=support_``.
"""

_base_ = '../leaf_reid/resnet.py'

max_iters = 300  # of 16 characters with 4 drawings each
characters = 203
data_root = 'data/omniglot/'

train_pipeline = [
    dict(
        type='TransformBroadcaster',
        share_random_params=False,
        transforms=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(35, 35), keep_ratio=False),  # sets what the last step asks for
        ],
    ),
    dict(type='PackReIDInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(35, 35), keep_ratio=False),
    dict(type='PackReIDInputs'),
]
train_dataloader = dict(
    dataset=dict(data_root=data_root, pipeline=train_pipeline, triplet_sampler=dict(num_ids=16, ins_per_id=4))
)
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmautoloss.OneShotMetric', ways=20)
test_evaluator = val_evaluator

model = dict(head=dict(num_classes=characters))

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, eta_min=0),
]
