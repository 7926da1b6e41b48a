"""Cached samples of one data set."""

from __future__ import annotations

from typing import Any

from mmautoloss.proxy.cache.frozen import freeze, thaw
from mmautoloss.proxy.cache.steps import RandomStep, Steps, Transform
from mmautoloss.proxy.cache.store import SampleStore
from mmautoloss.proxy.state import Snapshot


class KeptSamples:
    """Replaces ``prepare_data`` of a data set; gives the same samples and draws the same random numbers.

    If the data set gets another pipeline, such as by mmdet's ``PipelineSwitchHook``, or a setting of a step changes, that
    pipeline is run without the cache.

    Args:
        dataset: The data set, such as mmengine's ``BaseDataset``.
        steps: Its pipeline.
        store: Holds the cached samples.
    """

    def __init__(self, dataset: Any, steps: Steps, store: SampleStore) -> None:
        self.dataset = dataset
        self.steps = steps
        self.store = store
        # by index, whether the prefix gives a sample; must be known before the random step draws
        self._exists: dict[int, bool] = {}

    def install(self) -> None:
        """Replaces ``prepare_data``; call it after a first sample, since some steps initialise themselves then."""
        pipeline = self.dataset.pipeline
        self._pipeline = pipeline, pipeline.transforms, list(pipeline.transforms)
        self._settings = Snapshot(*self.steps.known)
        self.dataset.prepare_data = self

    def __call__(self, index: int) -> Any:
        """The sample after the whole pipeline; None if the pipeline gives none."""
        if not self._is_unchanged():
            return type(self.dataset).prepare_data(self.dataset, index)
        random_step = self.steps.random_step
        sample = self.kept(index) if random_step is None else self._drawn(index, random_step)
        return run(self.steps.rest, sample)

    def _is_unchanged(self) -> bool:
        """Whether the cached steps of the pipeline are as they were at ``install``; the rest is always run."""
        pipeline, transforms, steps = self._pipeline
        return (
            self.dataset.pipeline is pipeline
            and pipeline.transforms is transforms
            and len(transforms) == len(steps)
            and all(now is then for now, then in zip(transforms, steps, strict=True))
            and not self._settings.changed()
        )

    def kept(self, index: int) -> Any:
        """A sample after the prefix, made at most once; for pipelines without a random step."""
        frozen = self.store.get((id(self), index))
        if frozen is not None:
            return thaw(frozen, self.dataset)
        sample = self._after_prefix(index)
        self.store.put((id(self), index), freeze(sample, self.dataset))
        return sample

    def frozen(self, index: int) -> bytes:
        """The bytes that would be cached for a sample, with one outcome of the random step; draws no random number."""
        sample = self._after_prefix(index)
        if self.steps.random_step is not None and sample is not None:
            sample = run(self.steps.after, self.steps.random_step.apply(sample, None))
        return freeze(sample, self.dataset)

    def _drawn(self, index: int, random_step: RandomStep) -> Any:
        before = None
        if index not in self._exists:
            before = self._after_prefix(index)
            self._exists[index] = before is not None
        if not self._exists[index]:
            return None  # without drawing, as in the pipeline itself
        choice = random_step.draw()
        frozen = self.store.get((id(self), index, choice))
        if frozen is not None:
            return thaw(frozen, self.dataset)
        before = self._after_prefix(index) if before is None else before
        sample = run(self.steps.after, random_step.apply(before, choice))
        self.store.put((id(self), index, choice), freeze(sample, self.dataset))
        return sample

    def _after_prefix(self, index: int) -> Any:
        sample = self.dataset.get_data_info(index)
        if PREPARED[origin(type(self.dataset).prepare_data)]:
            sample['dataset'] = self.dataset
        return run(self.steps.prefix, sample)


_MMENGINE = 'mmengine.dataset.base_dataset:BaseDataset'
_MMPOSE = 'mmpose.datasets.datasets.base.base_coco_style_dataset:BaseCocoStyleDataset'

PREPARED = {f'{_MMENGINE}.prepare_data': False, f'{_MMPOSE}.prepare_data': True}
"""Methods ``prepare_data`` that run the pipeline on ``get_data_info``, and whether they add the data set to it."""

DATA_INFO = frozenset({f'{_MMENGINE}.get_data_info', f'{_MMPOSE}.get_data_info'})
"""Methods ``get_data_info`` whose result is always the same for an index."""

GET_ITEM = frozenset({f'{_MMENGINE}.__getitem__'})
"""Methods ``__getitem__`` that return the result of ``prepare_data``, or another sample if that is None."""


def can_be_kept(dataset: Any) -> bool:
    """Whether all methods from an index to a sample are known ones; the annotations may be loaded in any way."""
    kind = type(dataset)
    return all(
        origin(getattr(kind, name, None)) in known
        for name, known in (('__getitem__', GET_ITEM), ('prepare_data', PREPARED), ('get_data_info', DATA_INFO))
    )


def origin(function: Any) -> str:
    """Module and qualified name of a function."""
    return f'{getattr(function, "__module__", "")}:{getattr(function, "__qualname__", "")}'


def run(transforms: tuple[Transform, ...], sample: Any) -> Any:
    """Runs transforms as a pipeline does: it ends at the first None."""
    for transform in transforms:
        if sample is None:
            return None
        sample = transform(sample)
    return sample
