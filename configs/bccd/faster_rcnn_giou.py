"""The small Faster R-CNN on blood cells with GIoU for both boxes, so that box losses read areas in place of deltas."""

_base_ = './faster_rcnn.py'

_giou = dict(type='GIoULoss', loss_weight=10.0)
model = dict(
    rpn_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, **_giou)),
    roi_head=dict(bbox_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, **_giou))),
)
