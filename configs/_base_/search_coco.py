"""What searches on the detectors of COCO share: data, optimiser and schedule of a candidate."""

max_iters = 2000

coco = dict(
    # The search never sees val2017: it scores on the first 5000 training images and trains on images after them.
    train_dataloader=dict(
        batch_size=8,
        sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
        dataset=dict(indices=-112_000),
    ),
    val_dataloader=dict(
        batch_size=8,
        dataset=dict(
            ann_file='annotations/instances_train2017.json',
            data_prefix=dict(img='train2017/'),
            indices=5000,
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='Resize', scale=(1333, 800), keep_ratio=True),
                dict(
                    type='PackDetInputs',
                    meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances'),
                ),
            ],
        ),
    ),
    optim_wrapper=dict(
        optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0001),
        clip_grad=dict(max_norm=35, norm_type=2),
    ),
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=200),
        dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=max_iters, eta_min=0),
    ],
)
