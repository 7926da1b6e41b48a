"""Searches the loss of the DeepLabV3+ on EfficientNet-Lite0 for the last tenth of a training, for the IoU of boundaries."""

_base_ = './lite0_late_search_bf1.py'

train_cfg = dict(
    metric='BIoU',
    seeds=[
        'ce',
        'focal_softmax',
        'dice',
        'tversky',
        'jaccard',
        'ce + dice',
        'focal_softmax_dice',
        '1 - maxpool(2 * (p * y) / (mean_nhw(p ** 2) + mean_nhw(y)))',  # found in short trainings
        '-(y * log(p)) / (mean_nhw(y) + 0.01)',  # classes weighted by their inverse frequency in the batch
        '-(y * log(p)) / sqrt(mean_nhw(y) + 0.01)',
    ],
)
