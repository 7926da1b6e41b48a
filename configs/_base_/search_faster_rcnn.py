"""What every search on the four losses of Faster R-CNN shares."""

_base_ = './search_small.py'

search = dict(
    metric='coco/bbox_mAP',
    branches=dict(
        rpn_cls=dict(path='rpn_head.loss_cls', inputs='sigmoid'),
        rpn_box=dict(path='rpn_head.loss_bbox', inputs='delta'),
        roi_cls=dict(path='roi_head.bbox_head.loss_cls', inputs='softmax'),
        roi_box=dict(path='roi_head.bbox_head.loss_bbox', inputs='delta'),
    ),
    seeds=[dict(rpn_cls='bce', rpn_box='l1', roi_cls='ce', roi_box='l1')],
    strategy=dict(initial=1),  # four known losses in one
)
