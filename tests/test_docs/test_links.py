"""Links lead somewhere, and paths that the pages name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.isolation import ROOT
from tests.test_docs.pages import PAGES, anchors, links, name_of, prose

BASES = (ROOT, ROOT / 'mmautoloss', ROOT / 'tests', ROOT / 'docs')
"""From where a page may name a path."""

_PATH = re.compile(r'`([\w.]+(?:/[\w.*]+)+/?)(?:::\w+)?`')
_OF_A_SEARCH = re.compile(r'(work_dirs|WORK_DIR|NNNNN|trials|proxy)/')
"""What a search writes, and keys of metrics, are no paths of the project."""


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r'https?://|mailto:', link):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f'{name_of(page)}: {link}'
        if anchor and target.suffix == '.md':
            assert anchor in anchors(target), f'{name_of(page)}: {link} (there are {sorted(anchors(target))})'


@pytest.mark.parametrize('page', [page for page in PAGES if page.name != 'CHANGELOG.md'], ids=name_of)
def test_paths_are_there(page: Path) -> None:
    for path in _PATH.findall(prose(page)):
        first = path.split('/')[0]
        ours = any((base / first).exists() for base in BASES)
        if ours and not _OF_A_SEARCH.match(path) and not any(any(base.glob(path.rstrip('/'))) for base in BASES):
            raise AssertionError(f'{name_of(page)} names {path}, which is not there')


def test_every_page_is_in_the_index_and_leads_on() -> None:
    """Each page of docs/ ends with a link to the next one, in the order of the index."""
    listed = [link for link in links(ROOT / 'docs/index.md') if link.endswith('.md') and '/' not in link]
    assert sorted(listed) == sorted(page.name for page in (ROOT / 'docs').glob('*.md') if page.name != 'index.md')
    for page, following in zip(listed, [*listed[1:], 'index.md'], strict=True):
        last = (ROOT / 'docs' / page).read_text(encoding='utf-8').strip().splitlines()[-1]
        assert last.startswith('Next: ') and f']({following})' in last, f'{page} should end with a link to {following}'
