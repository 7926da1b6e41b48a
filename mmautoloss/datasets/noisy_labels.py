"""Wrong labels on purpose, for trainings whose losses are to bear them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from mmautoloss.checks import require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.registry import DATASETS, register

KINDS = ('symmetric', 'pairs')


@register(DATASETS)
class NoisyLabels:
    """A data set with one label a sample, of which some are wrong: always the same, by seed and position.

    Which labels are wrong depends on nothing else, so trainings of all losses see the same ones. The position is that in the
    innermost data set (``sample_idx``), so it is right where samples are repeated, or drawn again because they could not
    be read. The data set of a validation or a test is refused.

    Args:
        dataset: The data set, built or its config; samples have a ``gt_label``, as those of mmpretrain.
        rate: Share of the labels that are wrong, from 0 to 1: each is so with this probability.
        kind: ``'symmetric'``: a wrong label is any of the other classes; ``'pairs'``: the next class, after the last the
            first.
        seed: Seed of the choice.

    Raises:
        SetupError: A setting has no meaning, or the data set has not one label a sample or fewer than two classes.
    """

    def __init__(self, dataset: Any, rate: float, kind: str = 'symmetric', seed: int = 0) -> None:
        require_number('NoisyLabels.rate', rate, least=0, most=1)
        require_whole('NoisyLabels.seed', seed)
        if kind not in KINDS:
            raise SetupError(f'The kind of NoisyLabels must be one of {", ".join(KINDS)}, but got {kind!r}.')
        self.dataset = _built(dataset)
        if getattr(self.dataset, 'test_mode', False):
            raise SetupError('NoisyLabels is for trainings, but its data set has test_mode=True: take it out there.')
        self.rate, self.kind, self.seed = rate, kind, seed
        self.classes = _class_count(self.dataset)
        if len(self.dataset):
            self.label(0)

    @property
    def metainfo(self) -> dict[str, Any]:
        """That of the data set."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Reads the annotations, which the data set has done already."""
        self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def label(self, index: int) -> int:
        """The label of a sample, right or wrong."""
        info = self.dataset.get_data_info(index)
        label = info.get('gt_label')
        if isinstance(label, bool) or not hasattr(label, '__index__'):
            raise SetupError(
                f'NoisyLabels needs one whole number gt_label a sample, but got {label!r}. Wrap a data set with one class '
                'an image.'
            )
        return self._drawn(int(label), info.get('sample_idx', index))

    def _drawn(self, label: int, position: int) -> int:
        # a text is a seed by its digest, the same in every process
        rng = random.Random(f'{self.seed} {position}')
        if rng.random() >= self.rate:
            return label
        shift = 1 if self.kind == 'pairs' else rng.randrange(1, self.classes)
        return (label + shift) % self.classes

    def get_data_info(self, index: int) -> dict[str, Any]:
        """The annotations of a sample, with its label."""
        return {**self.dataset.get_data_info(index), 'gt_label': self.label(index)}

    def get_cat_ids(self, index: int) -> list[int]:
        """The label of a sample, as samplers and wrappers of data sets by class ask for it."""
        return [self.label(index)]

    def __getitem__(self, index: int) -> Any:
        return self._relabelled(self.dataset[index])

    def _relabelled(self, sample: Any) -> Any:
        """A sample with its label, right or wrong: of a pipeline that packs it, or of one that does not."""
        packed = sample.get('data_samples') if isinstance(sample, dict) else None
        if packed is not None and hasattr(packed, 'set_gt_label') and 'sample_idx' in packed:
            packed.set_gt_label(self._drawn(int(packed.gt_label), packed.sample_idx))
        elif isinstance(sample, dict) and {'gt_label', 'sample_idx'} <= sample.keys():
            sample['gt_label'] = self._drawn(int(sample['gt_label']), sample['sample_idx'])
        else:
            raise SetupError(
                'NoisyLabels needs samples with gt_label and sample_idx after the pipeline, as PackInputs of mmpretrain '
                f"makes them unless its meta_keys lack 'sample_idx', but got {type(sample).__name__}."
            )
        return sample


def _built(dataset: Any) -> Any:
    if isinstance(dataset, Mapping):
        from mmengine.registry import DATASETS as ROOT

        dataset = ROOT.build(dict(dataset))
    if not hasattr(dataset, 'get_data_info'):
        raise SetupError(f'NoisyLabels needs a data set with get_data_info, but got {type(dataset).__name__}.')
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def _class_count(dataset: Any) -> int:
    count = len((getattr(dataset, 'metainfo', None) or {}).get('classes') or ())
    if count < 2:
        raise SetupError(
            f'NoisyLabels needs a data set that names at least two classes, but got {count}: set its metainfo=dict('
            'classes=[...]).'
        )
    return count
