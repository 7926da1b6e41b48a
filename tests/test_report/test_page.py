"""The page: what it shows of searches of all kinds, as text and in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.report.facts import facts_of
from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures import Figure, Picture
from mmautoloss.report.figures.canvas import VARIABLES
from mmautoloss.report.page import Report, build_report, render
from mmautoloss.report.page.build import with_portraits
from mmautoloss.report.page.formatting import cell, maths
from mmautoloss.report.page.palette import PALETTE
from mmautoloss.trial import Record, Role, read_journal
from tests.browser import browser, opened, overflow
from tests.isolation import ROOT
from tests.test_report.searches import TEXTS, Story, long_search, search

JOURNALS = sorted((ROOT / 'tests' / 'test_trial' / 'journals').glob('*.jsonl'))
PIXEL = bytes.fromhex(
    '89504e470d0a1a0a0000000d4948445200000001000000010806000000'
    '1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082'
)
LONG = ' + '.join(f'mean_nhw(p * y) / (mean_nhw(p ** 2) + {number})' for number in range(1, 24))


def page_of(record: Record) -> Report:
    return build_report(facts_of(record, 2e9), record.history, 'work', 'now', 'report')


class Outline(HTMLParser):
    """Headings in order, and what has no words for those who do not see it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.unnamed: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if re.fullmatch('h[1-6]', tag):
            self.levels.append(int(tag[1]))
        self.ids += [found['id']] if 'id' in found else []
        self.links += [found['href']] if tag == 'a' else []
        if (tag == 'svg' and not found.get('aria-label')) or (tag == 'img' and not found.get('alt')):
            self.unnamed.append(tag)


@pytest.fixture(scope='module')
def whole() -> Report:
    """A page with long formulas, portraits and pictures."""
    story = search()
    story.trained(Role.SEARCH, 0.5, texts={**TEXTS, 'cls': LONG})
    report = page_of(story.record)
    best = report.finalists[0].trial
    svg = '<svg role="img" aria-label="curves" viewBox="0 0 9 9"></svg>'
    drawing = Figure('curves', 'Curves', 'of a loss', Table(('p', 'loss'), ((0.5, 1.0),)), svg)
    pictures = [Picture(f'p{k}', f'picture {k}', 'boxes', PIXEL, 'png', 'image 1') for k in range(2)]
    return with_portraits(report, {best: [drawing]}, {best: pictures}, ['Trial 9 could not be drawn: <why>'])


def test_every_part_of_the_page_is_there(whole: Report) -> None:
    html = render(whole)
    assert set(whole.figures) == {
        *('progress_trials', 'progress_hours', 'seeds', 'sizes', 'operators', 'funnel', 'yields', 'stages'),
    }
    assert html.count('<svg') == len(whole.figures) + 1 and html.count('<img') == 2
    assert whole.facts.verdict.text in html and 'could not be drawn: &lt;why&gt;' in html
    assert 'RuntimeError: no &lt;b&gt;boxes&lt;/b&gt;' in html and 'not finite: loss_cls is nan' in html
    assert html.count('loss_cls=dict(type=&#39;mmautoloss.SearchedLoss&#39;') == 3  # the verdict, and each finalist
    assert '<math' in html and 'data:image/png;base64,' in html


def test_headings_are_in_order_ids_are_single_and_pictures_have_words(whole: Report) -> None:
    outline = Outline(render(whole))
    assert outline.levels[0] == 1 and outline.levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in zip(outline.levels, outline.levels[1:], strict=False))
    assert outline.unnamed == [] and len(outline.ids) == len(set(outline.ids))
    anchors = [link[1:] for link in outline.links if link.startswith('#')]
    assert len(anchors) == 10 and set(anchors) <= set(outline.ids)


def test_every_figure_and_table_has_its_files(whole: Report) -> None:
    names = set(whole.tables())
    linked = {link for link in Outline(render(whole)).links if not link.startswith('#')}
    assert linked == {f'report/{name}.{kind}' for name in names for kind in ('csv', 'json')}
    assert {'curves', *whole.figures} <= names


def test_figures_of_one_name_are_refused(whole: Report) -> None:
    with pytest.raises(ValueError, match='sizes twice'):
        with_portraits(whole, {whole.finalists[0].trial: [whole.figures['sizes']]}, {})


NASTY = '<script>alert("x")</script>'


def test_nothing_of_a_journal_is_taken_for_html() -> None:
    story = Story(metric=NASTY).started(host=NASTY)
    story.trained(Role.BASELINE, 0.1)
    for _ in range(9):
        story.trained(Role.SEARCH, 0.2, origin=NASTY, funnel={NASTY: 3, 'accepted': 1}, seconds=1.0)
    story.trained(Role.SEARCH, None, reason=f'Traceback\n{NASTY}').ended(NASTY)
    report = page_of(story.record)
    loss = report.finalists[0].losses[0]._replace(expression=NASTY, branch=NASTY, line=NASTY)
    finalists = (replace(report.finalists[0], losses=(loss,)), *report.finalists[1:])
    html = render(replace(report, finalists=finalists, title=NASTY, commands=((NASTY, NASTY),), folder=NASTY))
    assert '<script' not in html.lower()
    assert html.count('&lt;script&gt;') > 10


@pytest.mark.parametrize('journal', JOURNALS, ids=lambda path: path.stem)
def test_old_journals_have_a_page(journal: Path) -> None:
    report = page_of(read_journal(journal))
    html = render(report)
    assert 'progress_trials' in report.figures
    assert ('Sessions and workers are unknown' in html) == (journal.stem == 'version1')


@pytest.mark.parametrize(
    ('story', 'words'),
    [
        (Story(), 'Search not begun'),
        (Story().started(), 'No trial has a score yet.'),
        (Story().started().proposed(Role.BASELINE), 'No searched loss has a score yet.'),
        (Story().started().trained(Role.BASELINE, None).ended('no <GPU>'), 'no &lt;GPU&gt;'),
        (Story().started().trained(Role.SEARCH, 0.0), 'no score yet'),
    ],
)
def test_searches_that_just_began_have_a_page_that_says_so(story: Story, words: str) -> None:
    assert words in render(page_of(story.record))


@pytest.mark.slow
def test_a_long_search_has_a_page_of_few_megabytes_in_seconds() -> None:
    record = long_search(6_000, depth=3)
    began = time.perf_counter()
    report = page_of(record)
    html = render(report)
    assert time.perf_counter() - began < 10  # some 2 s on a quiet core
    assert len(html) < 2e6
    assert '400 of 6000 rows are shown' in html and 'evenly chosen' in html
    assert len(report.figures['progress_trials'].table.rows) == 6_000


def test_scores_far_off_do_not_squeeze_the_others() -> None:
    story = Story(rule='less').started()
    for number in range(100):
        story.trained(Role.SEARCH, -1000.0 if number % 50 == 0 else -0.1 - number / 1000)
    assert '2 very bad scores fall off the drawing' in page_of(story.record).figures['progress_trials'].caption


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize('paper', ['paper', 'panel'])
@pytest.mark.parametrize('dark', [0, 1])
@pytest.mark.parametrize('name', sorted(PALETTE.keys() - {'paper', 'panel', 'grid'}))
def test_colours_stand_out_from_the_paper(name: str, dark: int, paper: str) -> None:
    lights = sorted(luminance(PALETTE[each][dark]) + 0.05 for each in (name, paper))
    assert lights[1] / lights[0] >= 4.5  # WCAG AA for text


def test_palette_has_all_colours_of_drawings() -> None:
    assert {f'var(--{name})' for name in PALETTE} >= set(VARIABLES.values())


def test_cells() -> None:
    told = [cell(None), cell(True), cell(12345), cell(0.123456), cell(0.5, '.4f'), cell(26952, 'd'), cell('<b>')]
    assert told == ['–', 'yes', '12\u202f345', '0.1235', '0.5000', '26952', '<b>']


def test_maths_that_is_too_long_is_left_to_the_text() -> None:
    assert maths('x + ' * 9000 + 'y') == '' and '<mi>y</mi>' in maths('-y')


def test_brackets_are_as_high_as_they_need_to_be() -> None:
    low, high = maths(r'\left(1 - \hat{y}\right)'), maths(r'\left(\frac{1}{y}\right)')
    assert low.count('stretchy="false"') == 2 and high.count('stretchy="true"') == 2
    assert '&lt;' in maths(r'1 < y')


@pytest.fixture(scope='module')
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope='module')
def file(whole: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('page') / 'report.html'
    path.write_text(render(whole), encoding='utf-8')
    return path


def all_open(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")


@pytest.mark.parametrize('width', [1280, 390])
def test_page_fetches_nothing_and_nothing_overflows(chromium: Any, file: Path, width: int) -> None:
    with opened(chromium, file, width) as seen:
        assert overflow(seen.page) == []
        all_open(seen.page)
        assert overflow(seen.page) == []
        assert seen.page.locator('svg').first.bounding_box()['width'] > 300
        assert all(seen.page.evaluate('[...document.images].map((each) => each.naturalWidth > 0)'))
        assert seen.page.locator('.maths').first.bounding_box()['height'] > 15
    assert [url for url in seen.requests if not url.startswith('data:')] == [file.absolute().as_uri()]
    assert seen.errors == []


_LETTERS = """[...document.querySelectorAll('figure svg text')].map((each) => {
    const matrix = each.getScreenCTM();
    return parseFloat(getComputedStyle(each).fontSize) * Math.hypot(matrix.a, matrix.b);
})"""


def test_letters_of_drawings_can_be_read_on_a_phone(chromium: Any, file: Path) -> None:
    with opened(chromium, file, 390) as seen:
        all_open(seen.page)
        sizes = seen.page.evaluate(_LETTERS)
        assert len(sizes) > 50 and min(sizes) > 10.9


def test_details_are_folded_and_tables_have_the_whole_width(chromium: Any, file: Path) -> None:
    with opened(chromium, file, 1280) as seen:
        assert seen.page.evaluate('document.documentElement.scrollHeight') < 5 * 900
        assert not seen.page.locator('#sizes, .drawings figure').first.is_visible()
        seen.page.locator('nav a[href="#size"]').click()
        seen.page.wait_for_selector('#figure-sizes', state='visible')  # a link opens what it leads to
        all_open(seen.page)
        widths = seen.page.evaluate(
            """[...document.querySelectorAll('.stack .scroll')].map(
                (each) => each.clientWidth / document.querySelector('main').clientWidth)"""
        )
        assert widths and min(widths) > 0.95
        shadows = seen.page.evaluate("getComputedStyle(document.querySelector('.scroll')).backgroundAttachment")
        assert shadows == 'local, local, scroll, scroll'


def test_missing_pictures_are_a_note_below_the_verdict(whole: Report) -> None:
    html = render(whole)
    assert 'class="alert"' not in html
    assert html.index('Before you believe it') < html.index('<p class="note">') < html.index('could not be drawn')


def test_overflow_is_seen(chromium: Any, tmp_path: Path) -> None:
    """The measure itself, on a page that overflows and on one that scrolls in a box."""
    wide = '<div style="width:2000px">x</div>'
    for name, text, found in (('out', wide, True), ('in', f'<div style="overflow:auto">{wide}</div>', False)):
        (tmp_path / f'{name}.html').write_text(text)
        with opened(chromium, tmp_path / f'{name}.html') as seen:
            assert bool(overflow(seen.page)) is found


def colours(page: Any) -> tuple[str, str]:
    """Background of the page, and the colour of the text of a drawing."""
    return page.evaluate(
        """[getComputedStyle(document.documentElement).backgroundColor,
            getComputedStyle(document.querySelector('svg text')).fill]"""
    )


def test_light_and_dark_by_preference_and_by_choice(chromium: Any, file: Path) -> None:
    with opened(chromium, file) as light, opened(chromium, file, dark=True) as dark:
        bright, gloomy = colours(light.page), colours(dark.page)
        assert bright[0] == 'rgb(255, 255, 255)' and bright[0] != gloomy[0] and bright[1] != gloomy[1]
        light.page.locator('#theme-dark').check()
        dark.page.locator('#theme-light').check()
        assert (colours(light.page), colours(dark.page)) == (gloomy, bright)
        light.page.emulate_media(media='print')
        assert colours(light.page) == bright  # paper is white


def test_print_keeps_to_the_paper(chromium: Any, file: Path) -> None:
    with opened(chromium, file, width=720) as seen:
        seen.page.emulate_media(media='print')
        assert seen.page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')
        assert not seen.page.locator('nav').is_visible()


def crosses_of(report: Report) -> int:
    return len(re.findall(r'<use [^>]*var\(--fault\)', report.figures['progress_trials'].svg))


def test_figure_draws_what_its_table_says() -> None:
    """A failed trial more is a cross more."""
    more = search().trained(Role.SEARCH, None).record
    crosses = [crosses_of(page_of(each)) for each in (search().record, more)]
    assert crosses == [3, 4]  # one of them in the legend
