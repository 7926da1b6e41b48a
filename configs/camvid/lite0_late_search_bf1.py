"""Searches the loss of the DeepLabV3+ on EfficientNet-Lite0 for the last tenth of a training, for the F1 of the boundaries.

Candidates train on the frames of ``lite0_trained.py`` and are scored on 80 frames of train and 51 of val beside them, so
that they are judged in the light in which they are trained: on val alone, one film at another time of day, which loss is
best depends on the trunk. The test set is left for a last word.
"""

_base_ = ['./lite0_trained.py', '../_base_/search_segmentation.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

_frames = _base_.val_dataloader.dataset
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(
                _frames,
                data_prefix=_base_.train_dataloader.dataset.datasets[0].data_prefix,
                indices=list(range(-160, -80)),
            ),
            dict(_frames, indices=list(range(50, 101))),
        ],
    )
)

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    metric='BF1',
    base_config='{{ fileDirname }}/lite0_held_out.py',
    proxy=dict(begin='trunk'),
    budget=dict(max_trials=240, baseline_repeats=2, finalists=12, finalist_repeats=3),
    describe=dict(
        task='segmentation', set='camvid', network='deeplabv3plus_lite0', hand_made='ce', split='search_val'
    ),
)
train_cfg['branches'] = dict(decode=dict(path='decode_head.loss_decode', inputs='softmax'))
train_cfg['seeds'] = [
    'ce',
    'focal_softmax',
    'dice',
    'tversky',
    'jaccard',
    'ce + dice',
    'focal_softmax_dice',
    '1 - maxpool(2 * (p * y) / (mean_nhw(p ** 2) + mean_nhw(y)))',  # found in short trainings
    '-(y * log(p)) / (mean_nhw(y) + 0.01)',  # cross-entropy with classes weighted by their frequency in the batch
]
