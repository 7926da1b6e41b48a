"""What every search on the losses of re-identification shares."""

_base_ = './search_small.py'

search = dict(
    metric='mAP',
    branches=dict(
        cls=dict(path='head.loss_cls', inputs='softmax'),
        triplet=dict(path='head.loss_triplet', inputs='triplet'),
    ),
    seeds=[
        dict(cls='ce', triplet='triplet'),
        dict(cls='ce', triplet='triplet_soft'),
        dict(cls='label_smoothing', triplet='triplet'),
        dict(cls='label_smoothing', triplet='triplet_soft'),
        dict(cls='focal_softmax', triplet='triplet_soft'),
    ],
    screen=dict(samples=4),
)
