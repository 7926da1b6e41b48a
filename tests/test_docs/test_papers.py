"""CITATION, CHANGELOG and licence are as those who read them expect."""

from __future__ import annotations

import re

import yaml

import mmautoloss
from tests.isolation import ROOT


def test_the_citation_is_valid_and_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    assert {'cff-version', 'message', 'title', 'authors', 'version', 'license'} <= set(cited)
    assert cited['cff-version'] == '1.2.0' and str(cited['version']) == mmautoloss.__version__
    assert cited['authors'] == [{'name': 'The mmautoloss developers'}]
    paper = cited['references'][0]
    assert {'type', 'title', 'authors', 'year'} <= set(paper)
    assert '2103.14026' in paper['url'] and paper['authors'][0]['family-names'] == 'Li'
    assert cited['license'] == 'Apache-2.0' and 'Apache License' in (ROOT / 'LICENSE').read_text(encoding='utf-8')


def test_the_changelog_begins_with_what_is_not_released() -> None:
    text = (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8')
    sections = re.findall(r'^## \[?([^\]\n]+)', text, re.MULTILINE)
    assert sections[0] == 'Unreleased' and mmautoloss.__version__ in text
    kinds = re.findall(r'^### (\w+)', text, re.MULTILINE)
    assert kinds and set(kinds) <= {'Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'}


def test_the_changelog_names_every_command() -> None:
    from mmautoloss.cli import COMMANDS

    text = (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8')
    assert [name for name in COMMANDS if f'`{name}`' not in text] == []
