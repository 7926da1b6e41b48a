"""The small Mask R-CNN on nuclei with GIoU on decoded boxes instead of L1 on deltas: the other hand-made choice."""

_base_ = './mask_rcnn.py'

model = dict(
    rpn_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, type='GIoULoss', loss_weight=10.0)),
    roi_head=dict(
        bbox_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, type='GIoULoss', loss_weight=10.0))
    ),
)
