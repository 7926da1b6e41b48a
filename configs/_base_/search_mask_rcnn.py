"""What every search on the five losses of Mask R-CNN shares; the numbers are for small models on few cores."""

_base_ = './search_faster_rcnn.py'

search = dict(
    metric=['coco/bbox_mAP', 'coco/segm_mAP'],  # their mean: a loss is to help boxes and masks
    branches=dict(mask=dict(path='roi_head.mask_head.loss_mask', inputs='mask')),
    seeds=[
        dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1', mask='bce'),
        dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1', mask='dice'),
        dict(rpn_cls='focal', rpn_box='smooth_l1', roi_cls='focal_softmax', roi_box='smooth_l1', mask='focal'),
    ],
)
