"""Searches all five losses of the small Mask R-CNN on nuclei, box losses over areas of decoded boxes."""

_base_ = './mask_rcnn_search.py'

model = dict(
    rpn_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, type='GIoULoss', loss_weight=10.0)),
    roi_head=dict(
        bbox_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, type='GIoULoss', loss_weight=10.0))
    ),
)

train_cfg = dict(
    base_config='{{ fileDirname }}/mask_rcnn_giou.py',
    branches=dict(rpn_box=dict(inputs='area'), roi_box=dict(inputs='area')),
    seeds=[dict(rpn_cls='bce', rpn_box='giou', roi_cls='ce', roi_box='giou', mask='bce')],
    describe=dict(hand_made='bce+giou+ce+giou+bce'),
)
