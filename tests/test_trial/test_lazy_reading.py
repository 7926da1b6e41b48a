"""A long journal is read without its expressions; these are read when someone asks for them."""

from __future__ import annotations

import gc
import pickle
from pathlib import Path

import pytest

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import Genome, genome, parse
from mmautoloss.trial import read_journal

JOURNALS = Path(__file__).parent / 'journals'
TEXTS = {'cls': '-y * log(p)', 'box': 'abs(p - y)'}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were parsed since."""
    texts = []
    monkeypatch.setattr(genome, '_parse_once', lambda text: (texts.append(text), parse(text))[1])
    monkeypatch.setattr(genome, 'parse', lambda text: (texts.append(text), parse(text))[1])
    return texts


def test_no_expression_of_version_2_is_read_before_it_is_needed(parsed: list[str]) -> None:
    history = read_journal(JOURNALS / 'version2.jsonl').history
    assert history.winner().genome.to_text()['box'] == 'maxpool(--p)'
    assert history.same_loss(history[9].fingerprint).number == 9 and history.population() and history.ranking(3)
    assert parsed == [], 'to rank and to print, text is enough'
    assert history[7].genome['cls'] == parse('maxpool(log(mean_c(p)))')
    assert len(parsed) == 2, 'those of this trial'


def test_only_equal_fingerprints_are_compared_by_length(parsed: list[str]) -> None:
    history = read_journal(JOURNALS / 'version2.jsonl').history
    assert [trial.number for trial in history.distinct_population()] == [3, 4, 5, 7, 9, 10]
    assert set(parsed) == set(history[4].genome.to_text().values()), 'of 4 and of 8, which repeats it'


def test_genome_from_its_own_text_is_the_genome() -> None:
    late, now = Genome.from_trusted_text(TEXTS), Genome.from_text(TEXTS)
    assert late.to_text() == TEXTS and repr(late) == repr(now)
    for other in (late, pickle.loads(pickle.dumps(Genome.from_trusted_text(TEXTS)))):
        assert other == now and now == other and hash(other) == hash(now) and len({other, now}) == 1
    assert list(Genome.from_trusted_text(TEXTS)) == ['cls', 'box'] and len(Genome.from_trusted_text(TEXTS)) == 2
    assert Genome.from_trusted_text(TEXTS).with_tree('box', parse('p')).to_text() == {**TEXTS, 'box': 'p'}


def test_later_changes_of_the_text_do_not_reach_in() -> None:
    texts = dict(TEXTS)
    late = Genome.from_trusted_text(texts)
    late.to_text()['cls'] = texts['cls'] = 'p'
    assert late == Genome.from_text(TEXTS) and late.to_text() == TEXTS


def test_wrong_text_shows_when_it_is_read() -> None:
    with pytest.raises(ExpressionError, match='relu'):
        list(Genome.from_trusted_text({'cls': 'relu(p)'}))


@pytest.mark.parametrize('many', [0, 10**9])
@pytest.mark.parametrize('enabled', [True, False])
def test_garbage_collector_is_as_it_was(enabled: bool, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.trial.read._MANY', many)
    was, frozen = gc.isenabled(), gc.get_freeze_count()
    (gc.enable if enabled else gc.disable)()
    try:
        read_journal(JOURNALS / 'version2.jsonl')
        assert gc.isenabled() is enabled
        left = gc.get_freeze_count()  # frozen objects may die meanwhile
        assert left <= frozen and bool(left) == bool(frozen)
    finally:
        (gc.enable if was else gc.disable)()
