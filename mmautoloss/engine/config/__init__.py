"""Reading configs, the search that a config describes, and configs with found losses."""

from mmautoloss.engine.config.branches import build_model
from mmautoloss.engine.config.losses import require_buildable, with_losses
from mmautoloss.engine.config.read import read_config
from mmautoloss.engine.config.search import build_search, load_search_config, require_writable, spec_of
from mmautoloss.engine.config.spec import SearchSpec, read_spec
from mmautoloss.engine.config.train_test import LAUNCHERS, load_base, load_test_config, load_train_config
from mmautoloss.engine.config.trusted import chosen_config
from mmautoloss.engine.config.writing import config_text, write_config

__all__ = [
    'LAUNCHERS',
    'SearchSpec',
    'build_model',
    'build_search',
    'chosen_config',
    'config_text',
    'load_base',
    'load_search_config',
    'load_test_config',
    'load_train_config',
    'read_config',
    'read_spec',
    'require_buildable',
    'require_writable',
    'spec_of',
    'with_losses',
    'write_config',
]
