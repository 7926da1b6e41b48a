"""Optuna tunes the weights of two losses: ``python examples/optuna_weights.py [CONFIG TRIALS]``."""

import sys

import optuna

import mmautoloss

CONFIG, TRIALS = sys.argv[1:] or ('configs/digits/faster_rcnn.py', 20)


def objective(trial: optuna.Trial) -> float:
    weights = {name: trial.suggest_float(name, 0.1, 10, log=True) for name in ('roi_cls', 'roi_box')}
    result = mmautoloss.evaluate(CONFIG, {'roi_cls': 'ce', 'roi_box': 'l1'}, weights=weights)
    return result.score if result.ok else 0.0


study = optuna.create_study(direction='maximize', sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=int(TRIALS))
print(study.best_value, study.best_params)
