"""``mmautoloss split``: the part of a training set that scores the candidates of a search."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mmautoloss.__main__ import main
from mmautoloss.errors import SetupError
from mmautoloss.split import Item, hold_out
from tests.isolation import run_without

NAMES = ('cat', 'dog', 'emu')


def write_coco(path: Path, count: int = 40, **more: Any) -> dict[str, Any]:
    """Images with 0 to 3 objects; of emus there are two, in two images."""
    rng = random.Random(0)
    images = [{'id': 7 * k, 'file_name': f'film{k // 10}_{k:03}.jpg', 'width': 64, 'height': 48} for k in range(count)]
    marks = [(image['id'], rng.choice((5, 9))) for image in images for _ in range(rng.randrange(4))]
    marks += [(images[3]['id'], 2), (images[4]['id'], 2)]
    annotations = [
        {'id': k, 'image_id': image, 'category_id': category, 'bbox': [1, 2, 9, 9], 'area': 81, 'iscrowd': 0, **more}
        for k, (image, category) in enumerate(marks)
    ]
    categories = [{'id': number, 'name': name} for number, name in zip((5, 9, 2), NAMES, strict=True)]
    data = {'info': {'year': 2024}, 'images': images, 'annotations': annotations, 'categories': categories}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return data


def parts(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    train, held = (json.loads((folder / f'{name}.json').read_text()) for name in ('train', 'search_val'))
    return train, held


def names(data: dict[str, Any]) -> list[str]:
    return [image['file_name'] for image in data['images']]


def test_coco_is_cut_in_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / 'annotations' / 'train.json'
    whole = write_coco(source)
    assert main(['split', str(source), '--share', '0.25']) == 0
    train, held = parts(source.parent / 'split')
    assert len(held['images']) == 10
    for key in ('images', 'annotations'):
        assert sorted(train[key] + held[key], key=lambda each: each['id']) == whole[key], 'each in one part'
    for part in (train, held):
        ids = {image['id'] for image in part['images']}
        assert {each['image_id'] for each in part['annotations']} <= ids
        assert names(part) == sorted(names(part)), 'in their order'
        assert (part['info'], part['categories']) == (whole['info'], whole['categories'])
        assert {each['category_id'] for each in part['annotations']} == {2, 5, 9}, 'every category on both sides'
    told = capsys.readouterr().out
    for number, name in zip((5, 9, 2), NAMES, strict=True):
        counts = [sum(each['category_id'] == number for each in part['annotations']) for part in (train, held)]
        assert re.search(rf'^{name} +{counts[0]} +{counts[1]}$', told, re.MULTILINE), told
    assert "train_dataloader = dict(dataset=dict(ann_file='annotations/split/train.json'))" in told
    assert "val_dataloader = dict(dataset=dict(ann_file='annotations/split/search_val.json'))" in told
    assert 'val_evaluator = dict(ann_file=None)' in told and 'indices' not in told


def test_seed_decides(tmp_path: Path) -> None:
    write_coco(tmp_path / 'a.json')
    found = {}
    for name, seed in (('one', '0'), ('again', '0'), ('other', '1')):
        assert main(['split', str(tmp_path / 'a.json'), '--seed', seed, '-o', str(tmp_path / name)]) == 0
        found[name] = (tmp_path / name / 'search_val.json').read_bytes()
    assert found['one'] == found['again'] != found['other']


def test_earlier_split_and_the_source_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / 'train.json'
    write_coco(source)
    before = source.read_bytes()
    assert main(['split', str(source), '-o', str(tmp_path), '--force']) == 2
    assert 'is the training set itself' in capsys.readouterr().err and source.read_bytes() == before
    command = ['split', str(source), '--count', '5']
    assert main(command) == 0
    assert main([*command, '--seed', '1']) == 2
    assert '--force overwrites' in capsys.readouterr().err
    assert main(['split', str(source), '--count', '6', '--force']) == 0
    assert len(parts(tmp_path / 'split')[1]['images']) == 6


def test_films_stay_whole(tmp_path: Path) -> None:
    write_coco(tmp_path / 'a.json', count=60)
    assert main(['split', str(tmp_path / 'a.json'), '--group', r'^(film\d)_', '--share', '0.4']) == 0
    train, held = parts(tmp_path / 'split')
    films = [{name[:5] for name in names(part)} for part in (train, held)]
    assert not films[0] & films[1] and len(films[1]) == 2


def test_last_frames_of_a_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'ImageSets' / 'Main' / 'train.txt'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(f'frame {k}\n' for k in range(20)) + '\n')
    assert main(['split', str(path), '--tail', '--count', '6']) == 0
    held = (path.parent / 'split' / 'search_val.txt').read_text().splitlines()
    train = (path.parent / 'split' / 'train.txt').read_text().splitlines()
    assert held == [f'frame {k}' for k in range(14, 20)] and train == [f'frame {k}' for k in range(14)]
    told = capsys.readouterr().out
    assert "ann_file='ImageSets/Main/split/search_val.txt'" in told
    assert 'dict(indices=14)' in told and 'dict(indices=-6)' in told


def test_folder_of_images_gives_lists(tmp_path: Path) -> None:
    for name in ('b/2.png', 'a/1.JPG', 'c.jpeg', 'a/0.tif', 'notes.md'):
        (tmp_path / 'images' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'images' / name).touch()
    assert main(['split', str(tmp_path / 'images'), '--count', '1']) == 0
    lists = [(tmp_path / 'split' / f'{name}.txt').read_text().splitlines() for name in ('train', 'search_val')]
    assert sorted(lists[0] + lists[1]) == ['a/0', 'a/1', 'b/2', 'c'] and len(lists[1]) == 1


def test_labelled_list_is_cut_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f'train/{k:03} b.png {k % 3 if k % 30 else 7}' for k in range(90)]  # of 7 there are three
    (tmp_path / 'train.txt').write_text('\n'.join(lines))
    assert main(['split', str(tmp_path / 'train.txt'), '--share', '0.2', '--seed', '4']) == 0
    printed = capsys.readouterr().out
    train, held = ((tmp_path / 'split' / f'{name}.txt').read_text().splitlines() for name in ('train', 'search_val'))
    assert sorted(train + held) == sorted(lines) and len(held) == 18
    counts = Counter(line.split()[-1] for line in held)
    assert counts['7'] == 1 and all(5 <= counts[label] <= 7 for label in '012')
    assert re.search(r'^7 +2 +1$', printed, re.MULTILINE)


def test_names_that_end_in_numbers_are_no_labels(tmp_path: Path) -> None:
    lines = [f'frame {k}' for k in range(20)]
    (tmp_path / 'train.txt').write_text('\n'.join(lines))
    assert main(['split', str(tmp_path / 'train.txt')]) == 0
    held = (tmp_path / 'split/search_val.txt').read_text().splitlines()
    assert len(held) == 4 and set(held) < set(lines)


@pytest.mark.parametrize('seed', range(5))
def test_categories_have_their_share(seed: int) -> None:
    rng = random.Random(seed)
    items = [Item(str(k), frozenset(rng.sample('abcdefgh', rng.randrange(4)))) for k in range(400)]
    items += [Item('r1', frozenset('ar')), Item('r2', frozenset('br')), Item('s', frozenset('cs'))]
    held = hold_out(items, 80, seed=seed)
    assert len(held) == len(set(held)) == 80
    everywhere, there = (Counter(x for k in part for x in items[k].labels) for part in (range(len(items)), held))
    for label in 'abcdefgh':
        assert 0.15 < there[label] / everywhere[label] < 0.25
    assert there['r'] == 1, 'of two one is held out'
    assert there['s'] == 0, 'the only one trains'


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['none.json'], 'There is no'),
        (['broken.json'], 'must be a COCO json .* KeyError'),
        (['table.csv'], 'must be a COCO json, a list'),
        (['empty'], 'has no images'),
        (['twice'], "several images 'x' that differ in their suffix"),
        (['a.json', '--share', '1.5'], '--share must be between 0 and 1'),
        (['a.json', '--count', '40'], 'at least 1 and not all'),
        (['a.json', '--group', '('], '--group must be a regular expression'),
        (['a.json', '--group', 'movie'], "finds nothing in 'film0_000.jpg'"),
        (['a.json', '--group', 'film'], 'All images are one group'),
        (['a.json', '--group', r'film\d', '--count', '3'], 'every group has more than 3 images; raise'),
        (['a.json', '--group', r'film\d', '--count', '3', '--tail'], 'the last group has 10 images, more than 3'),
        (['latin.txt'], "latin.txt must be a list in UTF-8, but 'utf-8' codec"),
        (['a.json', '-o', 'table.csv'], 'table.csv cannot be written: .*-o'),
    ],
)
def test_what_cannot_be_split(tmp_path: Path, arguments: list[str], text: str, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    write_coco(tmp_path / 'a.json')
    (tmp_path / 'broken.json').write_text('{"images": [{"id": 1}], "annotations": [], "categories": []}')
    (tmp_path / 'table.csv').touch()
    (tmp_path / 'latin.txt').write_bytes('é\n'.encode('latin-1'))
    for name in ('empty', 'twice'):
        (tmp_path / name).mkdir()
    for suffix in ('png', 'jpg'):
        (tmp_path / 'twice' / f'x.{suffix}').touch()
    assert main(['split', *arguments]) == 2
    assert re.search(text, capsys.readouterr().err)
    assert not (tmp_path / 'split').exists()


@pytest.mark.parametrize('more', [[], ['--tail']], ids=['by chance', 'last'])
def test_repeated_line_is_one(tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'list.txt').write_text('a\nb\nc\na\nb \nc\n')
    assert main(['split', str(tmp_path / 'list.txt'), '--count', '1', *more]) == 0
    train, held = ((tmp_path / 'split' / f'{name}.txt').read_text().split() for name in ('train', 'search_val'))
    assert sorted(train + held) == ['a', 'b', 'c'] and len(held) == 1
    told = capsys.readouterr().out
    assert '3 repeated names are left out' in told and 'indices' not in told, 'they count the lines of the whole list'


def test_file_under_two_numbers_stays_whole(tmp_path: Path) -> None:
    source = tmp_path / 'a.json'
    data = write_coco(source)
    for image in data['images'][1::2]:
        image['file_name'] = f'film_{image["id"] // 28}.jpg'
    source.write_text(json.dumps(data))
    for seed in range(8):
        assert main(['split', str(source), '--count', '20', '--seed', str(seed), '--force']) == 0
        train, held = parts(tmp_path / 'split')
        assert not set(names(train)) & set(names(held))


def test_only_image_of_each_category_trains() -> None:
    items = [Item('a', frozenset({'cat'})), Item('b', frozenset({'dog'}))]
    with pytest.raises(
        SetupError, match=r'only one with one of its categories.*more images of each category, or --tail'
    ):
        hold_out(items, 1)
    assert hold_out(items, 1, tail=True) == [1]


def test_single_image_cannot_be_split() -> None:
    with pytest.raises(SetupError, match='at least 1'):
        hold_out([Item('a')], 1)


def test_nothing_else_is_needed() -> None:
    blocked = ('torch', 'numpy', 'mmengine', 'cv2', 'pycocotools')
    done = run_without(blocked, 'from mmautoloss.__main__ import main\nmain(["split", "/none.json"])')
    assert 'There is no /none.json' in done.stderr


def test_mmdet_and_pycocotools_read_the_parts(tmp_path: Path) -> None:
    pytest.importorskip('mmdet')
    from mmdet.datasets import CocoDataset
    from pycocotools.coco import COCO

    source = tmp_path / 'annotations' / 'train.json'
    write_coco(source)
    assert main(['split', str(source)]) == 0
    read = {}
    for part in ('train', 'search_val'):
        file = source.parent / 'split' / f'{part}.json'
        coco = COCO(str(file))
        dataset = CocoDataset(
            ann_file=str(file), data_prefix={'img': str(tmp_path)}, metainfo={'classes': NAMES}, pipeline=[]
        )
        read[part] = [dataset.get_data_info(k) for k in range(len(dataset))]
        assert len(read[part]) == len(coco.imgs)
        assert sum(len(info['instances']) for info in read[part]) == len(coco.anns)
        assert {mark['bbox_label'] for info in read[part] for mark in info['instances']} == {0, 1, 2}
    paths = [{info['img_path'] for info in infos} for infos in read.values()]
    assert not paths[0] & paths[1] and len(paths[0] | paths[1]) == 40


def test_mmpose_reads_keypoints(tmp_path: Path) -> None:
    pytest.importorskip('mmpose')
    from mmpose.datasets.datasets import CocoDataset

    points = {'keypoints': [4, 5, 2] * 17, 'num_keypoints': 17}
    write_coco(tmp_path / 'person.json', **points)
    assert main(['split', str(tmp_path / 'person.json'), '--count', '8']) == 0
    dataset = CocoDataset(ann_file=str(tmp_path / 'split' / 'search_val.json'), data_mode='topdown', pipeline=[])
    held = parts(tmp_path / 'split')[1]
    assert len(held['images']) == 8 and len(dataset) > 0
    assert all(dataset.get_data_info(k)['keypoints'].shape == (1, 17, 2) for k in range(len(dataset)))


def test_identities_are_held_out_as_a_whole_and_numbered_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As mmdet's sampler of triplets needs them, although those of the list have gaps."""
    source = tmp_path / 'train.txt'
    source.write_text(''.join(f'images/{n:02}.jpg {10 * (n // 4) + 3}\n' for n in range(40)))
    assert main(['split', str(source), '--identities', '--share', '0.3']) == 0
    found = {}
    for name, identities in (('train', 7), ('search_val', 3)):
        lines = [line.split() for line in (tmp_path / 'split' / f'{name}.txt').read_text().splitlines()]
        assert [int(label) for _, label in lines] == [n // 4 for n in range(4 * identities)]
        found[name] = {int(path[7:9]) // 4 for path, _ in lines}
        assert len(found[name]) == identities
    assert not found['train'] & found['search_val']
    assert re.search(r'^identities +7 +3$', capsys.readouterr().out, re.MULTILINE)


def test_identities_need_a_list_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'names.txt').write_text('one\ntwo\n')
    assert main(['split', str(tmp_path / 'names.txt'), '--identities']) == 2
    assert "must be a list of lines 'path identity' for --identities" in capsys.readouterr().err
    assert main(['split', str(tmp_path), '--identities']) == 2
