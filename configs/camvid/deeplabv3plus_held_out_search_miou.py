"""Searches both losses of the small DeepLabV3+ on CamVid for mIoU, with a test set that is left for a last word."""

_base_ = './deeplabv3plus_search_miou.py'

val_dataloader = dict(dataset=dict(data_prefix=dict(img_path='img/val', seg_map_path='ann/val'), indices=None))
train_cfg = dict(base_config='{{ fileDirname }}/deeplabv3plus_held_out.py')
