"""What the json files and the label maps say agrees with the masks."""

from __future__ import annotations

import numpy as np
from pycocotools.coco import COCO

from mmautoloss.datasets import CLASSES, KEYPOINTS, SPLITS
from mmautoloss.datasets.annotation import extreme_points


def test_every_scene_is_there(tables, pictures):
    assert {split: len(tables[split]['images']) for split in SPLITS} == {
        'train': 12,
        'search_val': 4,
        'val': 6,
        'test': 3,
    }
    for image, labels, instances in pictures:
        assert image.shape == (64, 64, 3)
        assert labels.shape == (64, 64)
        assert 2 <= len(instances) <= 6


def test_boxes_are_the_extents_of_the_masks(pictures):
    for _, _, instances in pictures:
        for item, mask in instances:
            rows, columns = np.nonzero(mask)
            x, y, width, height = item['bbox']
            assert (x, y) == (columns.min(), rows.min())
            assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
            assert item['area'] == mask.sum()


def test_masks_lie_inside_and_apart(pictures):
    for image, _, instances in pictures:
        masks = np.array([mask for _, mask in instances])
        assert masks.shape[1:] == image.shape[:2]
        assert masks.sum(0).max() == 1
        assert not masks[:, [0, -1]].any() and not masks[:, :, [0, -1]].any()


def test_digits_stand_out_from_what_surrounds_them(pictures):
    for image, _, instances in pictures:
        grey = image.mean(-1)
        for item, mask in instances:
            x, y, width, height = item['bbox']
            around = ~np.any([other for _, other in instances], axis=0)
            around[: max(y - 2, 0)] = around[y + height + 2 :] = False
            around[:, : max(x - 2, 0)] = around[:, x + width + 2 :] = False
            assert abs(grey[mask].mean() - grey[around].mean()) > 20


def test_keypoints_are_the_extremes_of_the_mask(pictures):
    for _, _, instances in pictures:
        for item, mask in instances:
            points = np.array(item['keypoints']).reshape(4, 3)
            x, y, width, height = item['bbox']
            top, bottom, left, right = points[:, :2]
            assert top[1] == y and bottom[1] == y + height - 1
            assert left[0] == x and right[0] == x + width - 1
            assert mask[points[:, 1], points[:, 0]].all()
            assert (points[:, 2] == 2).all() and item['num_keypoints'] == 4


def test_extreme_points_take_the_middle_of_a_flat_side():
    mask = np.zeros((7, 9), bool)
    mask[2:5, 1:8] = True
    assert extreme_points(mask).tolist() == [[4, 2], [4, 4], [1, 3], [7, 3]]


def test_label_map_agrees_with_the_masks(pictures):
    for _, labels, instances in pictures:
        expected = np.zeros_like(labels)
        for item, mask in instances:
            expected[mask] = item['category_id']
        np.testing.assert_array_equal(labels, expected)


def test_splits_share_no_handwritten_digit(tables):
    sources = [{item['source'] for item in tables[split]['annotations']} for split in SPLITS]
    assert sum(map(len, sources)) == len(set.union(*sources))


def test_category_is_the_digit_that_was_written(tables):
    from sklearn.datasets import load_digits

    written = load_digits().target
    for table in tables.values():
        for item in table['annotations']:
            assert item['category_id'] == written[item['source']] + 1


def test_pycocotools_reads_it(scenes, tables):
    for split in SPLITS:
        coco = COCO(str(scenes / 'annotations' / f'{split}.json'))
        assert coco.getCatIds() == list(range(1, 11))
        assert [coco.cats[number]['name'] for number in range(1, 11)] == list(CLASSES)
        assert coco.cats[1]['keypoints'] == list(KEYPOINTS)
        for item in coco.anns.values():
            assert coco.annToMask(item).sum() == item['area']
        assert len(coco.anns) == len(tables[split]['annotations'])
