"""As ``resnet_sym40_search.py``, for trainings in which labels of easily confused classes are wrong."""

_base_ = './resnet_sym40_search.py'

train_dataloader = dict(dataset=dict(ann_file='train_asym40.txt'))
train_cfg = dict(base_config='{{ fileDirname }}/resnet_asym40.py', describe=dict(set='fashion_asym40'))
