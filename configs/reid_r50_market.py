"""ResNet-50 on Market-1501, as mmdet ships its re-identification (BaseReID, at 256 x 128 pixels, 8 people x 4 images).

Data: the folders of the data set under ``data_root`` and two lists of lines ``path person``, ``train.txt`` of
``bounding_box_train`` and ``test.txt`` of ``query`` and of ``bounding_box_test`` without the junk (person -1), from a shell
in ``data_root``::

    for f in bounding_box_train/*.jpg; do echo "$f $(basename $f | cut -d_ -f1)"; done > train.txt
    for f in bounding_box_test/[0-9]*.jpg query/*.jpg; do echo "$f $(basename $f | cut -d_ -f1)"; done > test.txt

The scores are those of the published protocol: images of the query's person and camera are left out.
"""

_base_ = 'mmdet::reid/reid_r50_8xb32-6e_mot17train80_test-mot17val20.py'

custom_imports = dict(imports=['mmautoloss.datasets.identity_list'], allow_failed_imports=False)
persons = 751
data_root = 'data/market1501/'

train_dataloader = dict(
    dataset=dict(
        type='mmautoloss.IdentityList',
        data_root=data_root,
        ann_file='train.txt',
        data_prefix=dict(_delete_=True, img_path=''),
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mmautoloss.IdentityList',
        data_root=data_root,
        ann_file='test.txt',
        data_prefix=dict(_delete_=True, img_path=''),
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmautoloss.IdentityMetric', query='query/', camera=r'_c(\d)')
test_evaluator = val_evaluator

model = dict(
    neck=dict(_delete_=True, type='GlobalAveragePooling'),  # of whole maps, whatever the size of the images
    head=dict(num_classes=persons),
)
