"""Ray Tune trains every loss with every seed: ``python examples/ray_tune_losses.py [CONFIG SEEDS]``."""

import sys
from pathlib import Path

from ray import tune

import mmautoloss

CONFIG, SEEDS = sys.argv[1:] or ('configs/digits/faster_rcnn.py', 3)


def train(setting: dict) -> dict:
    result = mmautoloss.evaluate(setting['config'], {'roi_cls': setting['loss']}, setting['seed'])
    return {'score': result.score, 'reason': result.reason}


losses, seeds = ['ce', 'focal_softmax', '(p - y) ** 2'], list(range(int(SEEDS)))
space = {'loss': tune.grid_search(losses), 'seed': tune.grid_search(seeds), 'config': str(Path(CONFIG).absolute())}
reuse = tune.TuneConfig(reuse_actors=True)  # imports of libraries take longer than short trainings
table = tune.Tuner(train, param_space=space, tune_config=reuse).fit().get_dataframe()
print(table.groupby('config/loss')['score'].agg(['mean', 'std', 'count']))
