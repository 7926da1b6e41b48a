"""The small DeepLabV3+ on CamVid, with a weight of its auxiliary head that is chosen anew in each seventh of the training.

A choice is rewarded by what the loss of the decode head gains on the last 20 frames of train, which train nothing else. At
the end the log has the schedule, to paste; ``table`` in the hook carries what was learned to the next training.
"""

_base_ = './deeplabv3plus.py'

train_dataloader = dict(dataset=dict(indices=347))
custom_hooks = [
    dict(
        type='mmautoloss.AuxiliaryScheduleHook',
        groups=dict(main=['decode_head'], aux=['auxiliary_head']),
        actions=[(1.0, 0.4), (1.0, 0.0), (1.0, 1.0)],
        period=10,
        scheduler='learned',
        dataloader=dict(
            batch_size=20,
            dataset=dict(
                type='BaseSegDataset',
                data_root=_base_.data_root,
                data_prefix=dict(img_path='img/train', seg_map_path='ann/train'),
                metainfo=_base_.metainfo,
                indices=-20,
                pipeline=_base_.test_pipeline,
            ),
        ),
    ),
]
