"""``mmautoloss split``: the part of a training set that scores the candidates of a search."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmautoloss.checks import whole_argument

if TYPE_CHECKING:
    from mmautoloss.split import Source

DESCRIPTION = """\
Cuts a training set in two, so that a search never sees the validation set: search_val scores its
candidates, train trains them. SOURCE is a COCO json (instances or keypoints), a list of names (.txt,
such as VOC's ImageSets/Main/train.txt) or of lines 'path label', as mmpretrain's CustomDataset reads
them, or a folder of images, which gives two lists. Categories are
shared out evenly, each on both sides where it occurs in two images; --identities holds out whole
identities instead (re-identification), and numbers them from 0 on. Frames of one film belong together:
--group; where what scores must be later than what trains: --tail. The lines for the search config are
printed."""

PARTS = ('train', 'search_val')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('split', help='hold out a part of a training set', description=DESCRIPTION)
    parser.add_argument('source', metavar='SOURCE', type=Path, help='a COCO json, a list or a folder of images')
    size = parser.add_mutually_exclusive_group()
    size.add_argument('--share', type=float, default=0.2, help='share of the images that is held out (0.2)')
    size.add_argument('--count', type=int, metavar='N', help='how many images are held out')
    parser.add_argument('--seed', type=whole_argument(), default=0, help='which images are held out (0)')
    parser.add_argument('--group', metavar='REGEX', help="keeps together what it finds in names, such as '^[^_]+'")
    parser.add_argument(
        '--identities', action='store_true', help='takes the labels of a list for identities, and holds out whole ones'
    )
    parser.add_argument('--tail', action='store_true', help='takes the last images instead of random ones')
    parser.add_argument('-o', '--out', type=Path, metavar='FOLDER', help="where to write; 'split' beside SOURCE")
    parser.add_argument('--force', action='store_true', help='overwrites what an earlier split has written')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Cuts, writes and prints."""
    from mmautoloss.errors import SetupError
    from mmautoloss.split import hold_out, read_source

    if not 0 < args.share < 1:
        raise SetupError(f'--share must be between 0 and 1, but got {args.share}.')
    source = read_source(args.source, args.identities)
    size = len(source.items)
    count = max(1, round(args.share * size)) if args.count is None else args.count
    held_out = hold_out(source.items, count, seed=args.seed, group=args.group, tail=args.tail)
    parts = dict(zip(PARTS, (sorted(set(range(size)) - set(held_out)), held_out), strict=True))
    folder = args.out or args.source.absolute().parent / 'split'
    files = {name: folder / f'{name}{source.suffix}' for name in PARTS}
    _require_free(list(files.values()), args.source, args.force)
    _write({files[name]: source.text(indices) for name, indices in parts.items()}, folder)
    _print_counts(source, parts)
    print(f'written: {", ".join(map(str, files.values()))}')
    at_end = args.tail and not (source.repeats or args.identities) and held_out[0] == len(parts['train'])
    print(_config_lines(source, files, len(parts['train']) if at_end else None))
    return 0


def _require_free(files: list[Path], source: Path, force: bool) -> None:
    from mmautoloss.errors import SetupError

    for file in files:
        if file.exists() and file.samefile(source):
            raise SetupError(f'{file} is the training set itself: choose another folder with -o.')
        if file.exists() and not force:
            raise SetupError(f'{file} is there already: --force overwrites it, -o chooses another folder.')


def _write(texts: dict[Path, str], folder: Path) -> None:
    from mmautoloss.errors import SetupError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, encoding='utf-8')
    except OSError as error:
        raise SetupError(f'{folder} cannot be written: {error.strerror}. Choose another folder with -o.') from None


def _print_counts(source: Source, parts: dict[str, list[int]]) -> None:
    objects = {name: source.objects(indices) for name, indices in parts.items()}
    ours, others = PARTS
    rows = [('images', len(parts[ours]), len(parts[others]))]
    rows += [(label, objects[ours][label], objects[others][label]) for label in objects[ours]]
    if source.repeats:
        print(f'{source.repeats} repeated names are left out')
    width = max(len(label) for label, *_ in rows)
    print(f'{"":{width}}  {PARTS[0]:>10}  {PARTS[1]:>10}')
    for label, train, held in rows:
        print(f'{label:{width}}  {train:>10}  {held:>10}')
    lacking = [label for label, *counts in rows if 0 in counts]
    if lacking:
        print(f'not on both sides: {", ".join(lacking)}')


def _config_lines(source: Source, files: dict[str, Path], trained: int | None) -> str:
    """The lines to paste into the search config."""
    train, held = (_below_root(file) for file in files.values())
    lines = [
        '\nFor the search config, seen from its data_root; all else as for the training images:\n',
        f'train_dataloader = dict(dataset=dict(ann_file={train!r}))',
        f'val_dataloader = dict(dataset=dict(ann_file={held!r}))',
    ]
    if source.suffix == '.json':
        lines.append('val_evaluator = dict(ann_file=None)  # the truth is that of val_dataloader')
    if trained is not None:
        size = len(source.items)
        lines += [
            '\nOr, without these files, with the annotations of the whole training set in both:\n',
            f'train_dataloader = dict(dataset=dict(indices={trained}))',
            f'val_dataloader = dict(dataset=dict(indices={trained - size}))',
        ]
    return '\n'.join(lines)


def _below_root(file: Path) -> str:
    """The path as data sets name it: from ``annotations`` or ``ImageSets`` on, else the absolute path."""
    parts = file.absolute().parts
    known = [index for index, part in enumerate(parts) if part in ('annotations', 'ImageSets')]
    return '/'.join(parts[known[-1] :]) if known else str(file.absolute())
