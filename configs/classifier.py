"""ResNet-50 on ImageNet, as mmpretrain ships it: where the loss found by ``classifier_search.py`` goes."""

_base_ = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'
