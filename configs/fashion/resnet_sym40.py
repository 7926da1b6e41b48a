"""The narrow ResNet on Fashion-MNIST with wrong labels: 40 % of the labels are one of the nine others, at random.

Only the labels of the training are wrong; those of the val set are right.
"""

_base_ = './resnet.py'

train_dataloader = dict(dataset=dict(ann_file='train_sym40.txt'))
