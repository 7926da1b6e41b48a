"""A small Cascade R-CNN on blood cells: do the losses that were found with Faster R-CNN hold for three stages?

``python -m mmautoloss transfer WORK_DIR configs/transfer/bccd_cascade_rcnn.py`` trains it with the losses of a search; all
stages take the RoI losses.
"""

_base_ = '../bccd/faster_rcnn_held_out.py'

_head = _base_.model.roi_head.bbox_head
_rcnn = _base_.model.train_cfg.rcnn
_stds = [[0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [0.033, 0.033, 0.067, 0.067]]
_overlaps = [0.5, 0.6, 0.7]

model = dict(
    type='CascadeRCNN',
    roi_head=dict(
        _delete_=True,
        type='CascadeRoIHead',
        num_stages=3,
        stage_loss_weights=[1, 0.5, 0.25],
        bbox_roi_extractor=_base_.model.roi_head.bbox_roi_extractor,
        bbox_head=[dict(_head, bbox_coder=dict(_head.bbox_coder, target_stds=stds)) for stds in _stds],
    ),
    train_cfg=dict(
        rcnn=[
            dict(_rcnn, assigner=dict(_rcnn.assigner, pos_iou_thr=iou, neg_iou_thr=iou, min_pos_iou=iou))
            for iou in _overlaps
        ]
    ),
)
