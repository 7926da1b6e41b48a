"""Faster R-CNN R50-FPN on COCO, as mmdet ships it: where the losses found by ``faster_rcnn_search.py`` go."""

_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
