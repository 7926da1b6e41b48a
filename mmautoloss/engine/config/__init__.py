"""Reading configs, the search that a config describes, and configs with found losses."""

from mmautoloss.engine.config.branches import build_model
from mmautoloss.engine.config.copying import write_shipped
from mmautoloss.engine.config.held_rate import hold_rate
from mmautoloss.engine.config.late_losses import with_late_losses
from mmautoloss.engine.config.losses import require_buildable, with_losses
from mmautoloss.engine.config.read import read_config
from mmautoloss.engine.config.refinement import tuning_of
from mmautoloss.engine.config.search import build_search, load_search_config, require_writable, spec_of
from mmautoloss.engine.config.shipped import shipped_configs
from mmautoloss.engine.config.spec import SearchSpec, read_spec
from mmautoloss.engine.config.tasks import read_search, require_one_task
from mmautoloss.engine.config.train_length import TrainLength, read_length, require_share
from mmautoloss.engine.config.train_test import load_base, load_test_config, load_train_config
from mmautoloss.engine.config.trusted import chosen_config
from mmautoloss.engine.config.writing import config_text, write_config

__all__ = [
    'SearchSpec',
    'TrainLength',
    'build_model',
    'build_search',
    'chosen_config',
    'config_text',
    'hold_rate',
    'load_base',
    'load_search_config',
    'load_test_config',
    'load_train_config',
    'read_config',
    'read_length',
    'read_search',
    'read_spec',
    'require_buildable',
    'require_one_task',
    'require_share',
    'require_writable',
    'shipped_configs',
    'spec_of',
    'tuning_of',
    'with_late_losses',
    'with_losses',
    'write_config',
    'write_shipped',
]
