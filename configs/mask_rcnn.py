"""Mask R-CNN R50-FPN on COCO, as mmdet ships it: where the losses found by ``mask_rcnn_search.py`` go."""

_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'
