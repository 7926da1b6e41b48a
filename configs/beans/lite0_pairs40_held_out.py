"""The linear classifier on leaves of beans for a last word, trained on labels of which 40 % are those of the next class.

Validation labels are right, and scores are of images that no search has seen. Labels that are wrong at random:
``--cfg-options train_dataloader.dataset.kind=symmetric``.
"""

_base_ = './lite0_held_out.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='mmautoloss.NoisyLabels', dataset=_base_.train_dataloader.dataset, rate=0.4, kind='pairs'
    )
)
