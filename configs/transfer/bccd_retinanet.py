"""A small RetinaNet on blood cells: does the box loss that was found with Faster R-CNN hold for one stage?

    python -m mmautoloss transfer WORK_DIR configs/transfer/bccd_retinanet.py --map bbox_head.loss_bbox=roi_box

Its class loss reads as many sigmoids as there are classes and stays the focal loss, unless --map gives it one, too.
"""

_base_ = '../bccd/faster_rcnn_held_out.py'

model = dict(
    _delete_=True,
    type='RetinaNet',
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=_base_.model.backbone,
    neck=_base_.model.neck,
    bbox_head=dict(
        type='RetinaHead',
        num_classes=3,
        in_channels=32,
        feat_channels=32,
        stacked_convs=2,
        anchor_generator=_base_.model.rpn_head.anchor_generator,
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[1.0] * 4),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type='L1Loss', loss_weight=1.0),
    ),
    train_cfg=dict(
        assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0, ignore_iof_thr=-1),
        sampler=dict(type='PseudoSampler'),
        allowed_border=-1,
        pos_weight=-1,
        debug=False,
    ),
    test_cfg=dict(
        nms_pre=200, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=50
    ),
)
