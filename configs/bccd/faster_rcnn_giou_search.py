"""Searches all four losses of the small Faster R-CNN on blood cells, box losses over areas of decoded boxes."""

_base_ = './faster_rcnn_search.py'

_giou = dict(type='GIoULoss', loss_weight=10.0)
model = dict(
    rpn_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, **_giou)),
    roi_head=dict(bbox_head=dict(reg_decoded_bbox=True, loss_bbox=dict(_delete_=True, **_giou))),
)

train_cfg = dict(
    base_config='{{ fileDirname }}/faster_rcnn_giou.py',
    branches=dict(rpn_box=dict(inputs='area'), roi_box=dict(inputs='area')),
    seeds=[dict(rpn_cls='bce', rpn_box='giou', roi_cls='ce', roi_box='giou')],
    describe=dict(hand_made='bce+giou+ce+giou'),
)
