"""Searches the loss of the DeepLabV3+ on EfficientNet-Lite0 for the last tenth of a training, for the F1 of the boundaries.

Candidates train on 287 frames of train and are scored on val; the test set is left for a last word.
"""

_base_ = ['./lite0.py', '../_base_/search_segmentation.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

train_dataloader = dict(dataset=dict(indices=287))

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
    'camvid_bf1.decode',
    '-(y * log(p)) / (mean_nhw(y) + 0.01)',  # cross-entropy with classes weighted by their frequency in the batch
]
