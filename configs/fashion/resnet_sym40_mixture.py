"""The narrow ResNet on wrong labels, with a mixture of losses whose weights are those of each example.

A small network gives them; it is trained on 300 images with right labels that train nothing else.
``python -m mmautoloss mixture work_dirs/resnet_sym40_mixture/iter_400.pth`` shows what it has learned, and
the one loss that is nearest to it.
"""

_base_ = './resnet_sym40.py'

train_dataloader = dict(dataset=dict(indices=5700))

model = dict(
    head=dict(
        loss=dict(
            _delete_=True,
            type='mmautoloss.LossMixture',
            losses=['ce', 'gce', 'mse'],
            inputs='softmax',
            controller=dict(per='example', hidden=8),
        ),
    ),
)
custom_hooks = [
    dict(type='mmautoloss.ChannelsLastHook'),
    dict(
        type='mmautoloss.MixtureHook',
        every=5,
        outer='ce',
        dataloader=dict(
            batch_size=100,
            collate_fn=dict(type='default_collate'),
            dataset=dict(
                type='CustomDataset',
                data_root=_base_.data_root,
                ann_file='train.txt',
                indices=-300,
                metainfo=dict(classes=_base_.classes),
                pipeline=_base_.pipeline,
            ),
        ),
    ),
]
default_hooks = dict(checkpoint=dict(interval=400))
