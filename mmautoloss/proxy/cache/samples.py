"""The samples of one data set, made once as far as that goes."""

from __future__ import annotations

from typing import Any

from mmautoloss.proxy.cache.frozen import freeze, thaw
from mmautoloss.proxy.cache.steps import Fork, Steps, Transform
from mmautoloss.proxy.cache.store import SampleStore
from mmautoloss.proxy.state import Snapshot


class KeptSamples:
    """Takes the place of a data set's ``prepare_data``: the same samples, and the same random numbers drawn.

    While the data set has another pipeline than the one that was given, such as after mmdet's ``PipelineSwitchHook``, or a
    step of it has been changed, that pipeline is run, and nothing is kept.

    Args:
        dataset: The data set; mmengine's ``BaseDataset`` or the like.
        steps: Its pipeline.
        store: Where samples are kept.
    """

    def __init__(self, dataset: Any, steps: Steps, store: SampleStore) -> None:
        self.dataset = dataset
        self.steps = steps
        self.store = store
        self._exists: dict[int, bool] = {}  # whether the lead gives anything; known before the fork draws

    def install(self) -> None:
        """Takes its place; steps that settle something at their first sample have done so by then."""
        pipeline = self.dataset.pipeline
        self._pipeline = pipeline, pipeline.transforms, list(pipeline.transforms)
        self._settings = Snapshot(*self.steps.known)
        self.dataset.prepare_data = self

    def __call__(self, index: int) -> Any:
        """The sample after the whole pipeline; None where the pipeline gives none."""
        if not self._is_in_force():
            return type(self.dataset).prepare_data(self.dataset, index)
        fork = self.steps.fork
        sample = self.kept(index) if fork is None else self._forked(index, fork)
        return run(self.steps.rest, sample)

    def _is_in_force(self) -> bool:
        """Whether the data set has the pipeline that was given, as it was; the rest of it is run in any case."""
        pipeline, transforms, each = self._pipeline
        return (
            self.dataset.pipeline is pipeline
            and pipeline.transforms is transforms
            and len(transforms) == len(each)
            and all(now is then for now, then in zip(transforms, each, strict=True))
            and not self._settings.changed()
        )

    def kept(self, index: int) -> Any:
        """A sample after the lead, made at most once; there is no fork."""
        frozen = self.store.get((id(self), index))
        if frozen is not None:
            return thaw(frozen, self.dataset)
        sample = self._lead(index)
        self.store.put((id(self), index), freeze(sample, self.dataset))
        return sample

    def frozen(self, index: int) -> bytes:
        """What would be kept of a sample, without drawing; of a fork, one way."""
        sample = self._lead(index)
        if self.steps.fork is not None and sample is not None:
            sample = run(self.steps.after, self.steps.fork.take(sample, None))
        return freeze(sample, self.dataset)

    def _forked(self, index: int, fork: Fork) -> Any:
        lead = None
        if index not in self._exists:
            lead = self._lead(index)
            self._exists[index] = lead is not None
        if not self._exists[index]:
            return None  # and nothing is drawn, as in the pipeline itself
        choice = fork.draw()
        frozen = self.store.get((id(self), index, choice))
        if frozen is not None:
            return thaw(frozen, self.dataset)
        lead = self._lead(index) if lead is None else lead
        sample = run(self.steps.after, fork.take(lead, choice))
        self.store.put((id(self), index, choice), freeze(sample, self.dataset))
        return sample

    def _lead(self, index: int) -> Any:
        sample = self.dataset.get_data_info(index)
        if PREPARED[origin(type(self.dataset).prepare_data)]:
            sample['dataset'] = self.dataset
        return run(self.steps.lead, sample)


_MMENGINE = 'mmengine.dataset.base_dataset:BaseDataset'
_MMPOSE = 'mmpose.datasets.datasets.base.base_coco_style_dataset:BaseCocoStyleDataset'

PREPARED = {f'{_MMENGINE}.prepare_data': False, f'{_MMPOSE}.prepare_data': True}
"""Methods ``prepare_data`` that run the pipeline on ``get_data_info``, and whether they put the data set into it."""

FOUND = frozenset({f'{_MMENGINE}.get_data_info', f'{_MMPOSE}.get_data_info'})
"""Methods ``get_data_info`` that give the same for an index every time."""

FETCHED = frozenset({f'{_MMENGINE}.__getitem__'})
"""Methods that give what ``prepare_data`` gives, or another sample where that is None."""


def can_be_kept(dataset: Any) -> bool:
    """Whether the way from an index to a sample is a known one; the files may be read in any way."""
    kind = type(dataset)
    return all(
        origin(getattr(kind, name, None)) in known
        for name, known in (('__getitem__', FETCHED), ('prepare_data', PREPARED), ('get_data_info', FOUND))
    )


def origin(function: Any) -> str:
    """Module and name of a function, where it was defined."""
    return f'{getattr(function, "__module__", "")}:{getattr(function, "__qualname__", "")}'


def run(transforms: tuple[Transform, ...], sample: Any) -> Any:
    """Runs transforms as a pipeline does: None ends it."""
    for transform in transforms:
        if sample is None:
            return None
        sample = transform(sample)
    return sample
