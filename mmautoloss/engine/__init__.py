"""The interface to MMEngine: the loop that a config names, reading configs, trainings outside of a search."""

from mmautoloss.engine.config import (
    LAUNCHERS,
    SearchSpec,
    build_model,
    build_search,
    chosen_config,
    config_text,
    load_base,
    load_search_config,
    load_test_config,
    load_train_config,
    read_config,
    read_length,
    read_spec,
    require_buildable,
    require_writable,
    spec_of,
    with_late_losses,
    with_losses,
    write_config,
)
from mmautoloss.engine.data import apply_options, check_files, final_split_of
from mmautoloss.engine.illustration import read_facts, write_report
from mmautoloss.engine.loss_switch import LossSwitchHook
from mmautoloss.engine.loss_weights import AuxiliaryScheduleHook, LossWeightScheduleHook, MixtureHook
from mmautoloss.engine.reproduction import Replayed, load_planner, load_spec, replay
from mmautoloss.engine.search_loop import SearchLoop
from mmautoloss.engine.search_run import launch
from mmautoloss.engine.training import (
    Result,
    Transfer,
    compare,
    compare_and_print,
    evaluate,
    train_longer,
    with_usual_weight,
)

__all__ = [
    'LAUNCHERS',
    'AuxiliaryScheduleHook',
    'LossSwitchHook',
    'LossWeightScheduleHook',
    'MixtureHook',
    'Replayed',
    'Result',
    'SearchLoop',
    'SearchSpec',
    'Transfer',
    'apply_options',
    'build_model',
    'build_search',
    'check_files',
    'chosen_config',
    'compare',
    'compare_and_print',
    'config_text',
    'evaluate',
    'final_split_of',
    'launch',
    'load_base',
    'load_planner',
    'load_search_config',
    'load_spec',
    'load_test_config',
    'load_train_config',
    'read_config',
    'read_facts',
    'read_length',
    'read_spec',
    'replay',
    'require_buildable',
    'require_writable',
    'spec_of',
    'train_longer',
    'with_late_losses',
    'with_losses',
    'with_usual_weight',
    'write_config',
    'write_report',
]
