"""The compile option: the same values, a warning and no more where it fails, and no trace in what is saved."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from mmautoloss.losses import SearchedLoss
from mmautoloss.losses.fused import blocks as blocks_module
from mmautoloss.losses.fused import compiler
from tests.isolation import run_without

CE = '-y * log(p)'


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which nothing has been compiled or has failed."""
    monkeypatch.setattr(compiler, '_failed', set())
    monkeypatch.setattr(blocks_module, 'TINY', 0)  # else calls as small as these are left to autograd
    compiler._code_for.cache_clear()
    limit = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(limit)  # torch's compiler raises it for good
    compiler._code_for.cache_clear()


def value_and_gradient(loss: SearchedLoss, rows: int, weighted: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows)
    pred = torch.randn(rows, 5, generator=generator).requires_grad_()
    labels = torch.randint(5, (rows,), generator=generator)
    weight = torch.rand(rows, generator=generator) + 0.1 if weighted else None
    value = loss(pred, labels, weight, avg_factor=rows)
    return value.detach(), torch.autograd.grad(value, pred)[0]


@pytest.mark.slow
def test_is_the_same_loss_and_is_compiled_once() -> None:
    """Numbers of rows change from step to step; what is compiled is for all of them."""
    import torch._dynamo.utils as dynamo

    loss, plain = SearchedLoss(CE, compile=True), SearchedLoss(CE)
    graphs = []
    for rows in (6, 7, 12, 90):
        torch.testing.assert_close(value_and_gradient(loss, rows), value_and_gradient(plain, rows))
        graphs.append(dynamo.counters['stats']['unique_graphs'])
    assert not compiler._failed
    assert graphs[0] == graphs[-1]
    copies = (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss)))
    for other in copies:
        assert torch.equal(value_and_gradient(other, 7)[0], value_and_gradient(loss, 7)[0])


@pytest.mark.usefixtures('traced')
def test_calls_without_weights_or_rows_or_gradient() -> None:
    loss, plain = SearchedLoss(CE, compile=True), SearchedLoss(CE)
    for rows in (7, 9):
        torch.testing.assert_close(
            value_and_gradient(loss, rows, weighted=False), value_and_gradient(plain, rows, weighted=False)
        )
    with torch.no_grad():
        assert loss(torch.zeros(0, 5), torch.zeros(0).long()) == 0
    assert not compiler._failed


@pytest.mark.usefixtures('traced')
def test_sizes_of_maps_that_were_equal_need_not_be_so_again() -> None:
    _check_sizes((2, 5, 9, 9), (2, 5, 9, 7), (2, 5, 12, 9))


@pytest.mark.usefixtures('traced')
def test_sizes_of_rows_that_were_equal_need_not_be_so_again() -> None:
    _check_sizes((8, 8), (9, 8), (8, 7))


def _check_sizes(*shapes: tuple[int, ...]) -> None:
    loss, plain = SearchedLoss(CE, compile=True), SearchedLoss(CE)
    for shape in (*shapes, shapes[0]):
        pred, labels = torch.randn(shape, requires_grad=True), torch.randint(shape[1], (shape[0], *shape[2:]))
        found, wanted = loss(pred, labels), plain(pred, labels)
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(*(torch.autograd.grad(value, pred)[0] for value in (found, wanted)))
    assert not compiler._failed


@pytest.mark.usefixtures('traced')
def test_a_call_without_gradient_leaves_later_ones_theirs() -> None:
    """Of an expression without a plan, whose backward is autograd's."""
    loss, plain = (SearchedLoss('mean_c(mean_nhw(p * y))', 'delta', compile=way) for way in (True, False))
    pred, target = torch.randn(8, 3, requires_grad=True), torch.randn(8, 3)
    with torch.no_grad():
        torch.testing.assert_close(loss(pred, target), plain(pred, target))
    found, wanted = (torch.autograd.grad(each(pred, target), pred)[0] for each in (loss, plain))
    torch.testing.assert_close(found, wanted)
    assert not compiler._failed


def test_without_a_compiler_it_warns_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*args: object, **kwargs: object) -> None:
        raise RuntimeError('torch.compile is not supported on Python 9.9+')

    monkeypatch.setattr(torch, 'compile', unsupported)
    losses = [SearchedLoss(CE, compile=True) for _ in range(2)]
    with pytest.warns(
        UserWarning, match=r'compile=True has no effect.*not supported on Python 9\.9.*leave it out'
    ) as caught:
        found = [value_and_gradient(loss, 6) for loss in losses for _ in range(2)]
    assert len(caught) == 1
    for each in found:
        torch.testing.assert_close(each, value_and_gradient(SearchedLoss(CE), 6))


@pytest.mark.slow
def test_a_missing_compiler_is_such_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as config

    loss = SearchedLoss('tanh(p) * y + 0.123', 'delta', compile=True)
    p, y = torch.ones(3, 2, requires_grad=True), torch.ones(3, 2)
    with config.patch({'cpp.cxx': ('no-such-compiler',), 'force_disable_caches': True}), pytest.warns(UserWarning):
        value = loss(p, y)
    torch.testing.assert_close(value, SearchedLoss('tanh(p) * y + 0.123', 'delta')(p, y))


def test_what_failed_is_not_tried_again_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def compile_all_but_the_first(function: Callable[..., Any], **options: object) -> Callable[..., Any]:
        def run(*tensors: object) -> Any:
            tried.append(function)
            if function is tried[0]:
                raise torch._dynamo.exc.BackendCompilerFailed('inductor', ValueError('no'), None)
            return function(*tensors)

        return run

    monkeypatch.setattr(torch, 'compile', compile_all_but_the_first)
    losses = [SearchedLoss(text, compile=True) for text in (CE, '(p - y) ** 2')]
    with pytest.warns(UserWarning, match=r'no effect on -\(?y') as caught:
        for loss in (*losses, *losses):
            plain = SearchedLoss(loss.expression)
            torch.testing.assert_close(value_and_gradient(loss, 6), value_and_gradient(plain, 6))
    assert len(caught) == len(compiler._failed) == 1
    assert [function is tried[0] for function in tried] == [True, False, False]


@pytest.mark.usefixtures('traced')
def test_a_wrong_call_has_the_error_that_it_has_without() -> None:
    loss, plain = (SearchedLoss('abs(p - y)', 'delta', compile=way) for way in (True, False))
    pred, target = torch.randn(6, 4, requires_grad=True), torch.randn(6, 4)
    texts = []
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        for each in (plain, loss):
            with pytest.raises(RuntimeError) as caught:
                each(pred, target, torch.ones(6, 3))
            assert caught.type is RuntimeError
            texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert not compiler._failed
    torch.testing.assert_close(loss(pred, target, torch.ones(6, 4)), plain(pred, target, torch.ones(6, 4)))
    assert not compiler._failed


def test_errors_of_a_call_are_not_those_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*tensors: object) -> None:
        raise RuntimeError('out of memory')

    monkeypatch.setattr(torch, 'compile', lambda function, **options: broken)
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match='out of memory'):
        warnings.simplefilter('error')
        value_and_gradient(SearchedLoss(CE, compile=True), 6)


def test_is_a_setting_like_others_and_leaves_no_state() -> None:
    loss = SearchedLoss(CE, compile=True)
    assert loss.compiled and not loss.state_dict() and loss.eval().compiled
    assert not SearchedLoss(CE).compiled
    assert 'compile=True' in repr(loss)


def test_can_be_set_in_a_config() -> None:
    config = {'type': 'mmautoloss.SearchedLoss', 'expression': CE, 'compile': True}
    assert pytest.importorskip('mmengine.registry').MODELS.build(config).compiled


def test_the_compiler_is_not_imported_before_it_is_needed() -> None:
    code = 'import sys, mmautoloss.losses; assert "torch._inductor" not in sys.modules, "imported"'
    result = run_without((), code)
    assert result.returncode == 0, result.stderr
