"""A search as a training loop of MMEngine: ``train_cfg=dict(type='mmautoloss.SearchLoop', ...)``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.runner import BaseLoop

from mmautoloss.engine.config.tasks import read_search
from mmautoloss.engine.search_run import launch
from mmautoloss.proxy import hook_class, hooks_of
from mmautoloss.registry import LOOPS, register
from mmautoloss.search import Stop


@register(LOOPS, everywhere=True)
class SearchLoop(BaseLoop):
    """Searches losses for the model of a config; needs nothing but ``runner.train()``.

    The Runner's model, data, optimiser and schedulers describe one proxy training; ``val_dataloader`` and
    ``val_evaluator`` score it and should read a part of the *training* data.

    Args:
        runner: The Runner that was made from the search config.
        dataloader: Its training data (not built here: each worker builds its own).
        base_config: The plain config into which the found losses are written.
        branches: The searched losses: ``'all'``, a list of paths, or by name a path or
            ``dict(path='roi_head.bbox_head.loss_cls', inputs='softmax')``; missing inputs are discovered.
        metric: Key of the monitored value in the validation's result, such as ``'coco/bbox_mAP'``, or a list of keys,
            whose mean is monitored.
        proxy: ``schedule``, the ``train_cfg`` of a proxy training; ``begin``, where it begins: from ``'scratch'``, at a
            ``'trunk'`` of hand-made losses, ``dict(checkpoint=PATH)``, or in generations with the ``'best'`` weights of
            the one before; and ``invalid_stop``, the iterations in which NaN and Inf end it (None for all; 20 is published;
            0 for none). ``rung``, settings of ``search.Rung``, such as ``dict(at=0.3, keep=0.5)``: a validation during the
            training, after which clearly poor candidates are stopped; off by default, as published.
        aux: Auxiliary heads (semantic segmentation): ``'search'`` searches their losses, ``'keep'`` keeps the hand-made
            ones, ``'off'`` removes the heads from the model.
        rule: Whether a ``'greater'`` or a ``'less'`` value of the metric is better.
        tasks: Search configs by name, of which the first is this config itself: a candidate is trained and scored as each
            says (its model, data, metric, rule, branches, aux, proxy and base config), by one expression a branch.
        aggregate: Its score in several tasks: the mean (``'gain'``) or the least (``'least'``) of its gains over the
            hand-made losses, in standard deviations of these.
        strategy: ``dict(type='RegularizedEvolution', ...)``, ``dict(type='RandomSearch', ...)`` or, for the numbers of given
            formulas, ``dict(type='CMAES', ...)`` or ``dict(type='Reinforce', ...)``.
        progress: Whether random expressions and mutations may read ``t``, the elapsed share of the training.
        screen: Settings of ``screen.RejectionTest``; ``samples``, the images of the probe (B); ``balance``:
            ``'gradient'`` gives every branch the weight that makes its gradient as long as that of the hand-made loss,
            ``'none'`` is the published behaviour; ``digits``, the significant digits of the gradient fingerprint (0: no
            losses are taken for equal); ``side``, the pixels per side to which maps are subsampled; ``engine``: ``'fast'``,
            compiled code on parts of the probe, or ``'plain'``, the reference in torch, hundreds of times slower. For
            comparisons there are ``'untested'``, which leaves out the rejection test alone; ``'static'``, which rejects
            only losses without a gradient by algebra; and ``'none'``, which rejects nothing; the last two have neither
            weights nor fingerprints.
        seeds: Losses that are trained first, compete, and appear in the result: each a known loss or an
            expression for all branches, or one by branch, or the name of a card (``losses.cards``).
        budget: Settings of ``search.Budget``.
        execute: Settings of ``execute.ExecuteSettings``: ``workers``, ``threads`` of each on the CPU, ``executor``
            (``'local'`` or ``'ray'``), ``gpus_per_candidate``, time limits, retries, and ``cache``, the memory
            (``'2 GiB'``, all workers together) in which loaded and resized samples are kept; it changes no score.
        seed: Seed of all random numbers.
        resume: Whether to continue the search in the work dir.
        describe: The description in rows of results: ``dict(task=..., set=..., network=...)``.
        results: CSV file to which the trained evaluations of baseline and finalists are appended.
        report: Whether ``report.html``, the page of the search, is written at its end.
        verbose: Whether the console shows every trial in full, equivalent ones too, and all scores at the end.
        options: The user's ``--cfg-options``, which also hold for ``base_config``.
        allow_leak: Whether candidates may be scored on the data on which ``base_config`` is tested (those on which it is
            validated, if it has no test data). False refuses it.

    Raises:
        SetupError: A setting cannot work.
    """

    def __init__(self, runner: Any, dataloader: Any, **settings: Any) -> None:
        self._runner = runner  # not super().__init__(): it would build the training data once more
        self.dataloader = dataloader
        runner._val_loop = None  # workers validate; the Runner would build the validation data as well
        runner._load_from = None  # workers load the weights of the models that they train
        runner.param_schedulers = None  # workers build schedulers; the Runner would fit them to the number of trials
        own_hooks = [*(runner.cfg.get('custom_hooks') or []), *hooks_of(runner.cfg).kept]
        candidate_hooks = [hook_class(hook) for hook in own_hooks]
        runner._hooks = [hook for hook in runner._hooks if type(hook) not in candidate_hooks]
        self.spec = read_search(runner.cfg, Path(runner.work_dir), settings)
        self._settled = 0
        self._stop = Stop()

    @property
    def interrupted(self) -> bool:
        """Whether the search was asked to end before it was done (Ctrl-C)."""
        return self._stop.requested

    @property
    def iter(self) -> int:
        """Settled trials."""
        return self._settled

    @property
    def max_iters(self) -> int:
        """Candidates that are to be trained."""
        return self.spec.search.budget.max_trials

    @property
    def epoch(self) -> int:
        """Always 0: a search is one epoch."""
        return 0

    @property
    def max_epochs(self) -> int:
        """Always 1: a search is one epoch."""
        return 1

    def run(self) -> Any:
        """Runs the search to its end; the Runner's own model stays as it was."""
        self._runner.call_hook('before_train')
        self._settled = len(launch(self.spec, self._stop, self._runner.visualizer).settled())
        self._runner.call_hook('after_train')
        return self._runner.model
