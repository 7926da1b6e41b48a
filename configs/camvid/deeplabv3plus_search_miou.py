"""Searches both losses of the small DeepLabV3+ on CamVid for mIoU; the val set is never looked at."""

_base_ = ['./deeplabv3plus.py', '../_base_/search_segmentation.py']

log_level = 'ERROR'  # a search is one line a trial; the Runner's own log would drown it
default_hooks = dict(_delete_=True, checkpoint=None, logger=None, timer=None)

# Of the 367 training images the last 80 score the candidates and the others train them. They are frames of films in
# order: what scores is later than what trains.
train_dataloader = dict(dataset=dict(indices=287))
val_dataloader = dict(dataset=dict(data_prefix=dict(img_path='img/train', seg_map_path='ann/train'), indices=-80))

train_cfg = dict(
    _delete_=True,
    **_base_.search,
    metric='mIoU',
    base_config='{{ fileDirname }}/deeplabv3plus.py',
    proxy=dict(schedule=dict(type='IterBasedTrainLoop', max_iters=_base_.max_iters)),
    budget=dict(max_trials=64, baseline_repeats=2, finalists=3, finalist_repeats=2),
    describe=dict(
        task='segmentation', set='camvid', network='deeplabv3plus_r18w16', hand_made='ce+ce', split='search_val'
    ),
)
