"""A history without any index: each answer is computed from all trials, as plainly as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf
from statistics import fmean, mean

from mmautoloss.trial import Outcome, Role, State, Trial


class PlainHistory:
    """The reference for ``History``."""

    def __init__(self) -> None:
        self.trials: dict[int, Trial] = {}
        self.order: list[int] = []

    def add(self, trial: Trial) -> None:
        self.trials[trial.number] = trial

    def settle(self, number: int, outcome: Outcome) -> None:
        self.trials[number] = self.trials[number].settle(outcome)
        self.order.append(number)

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials.values())

    def running(self) -> list[Trial]:
        return [trial for trial in self if trial.outcome is None]

    def settled(self) -> list[Trial]:
        return [self.trials[number] for number in self.order]

    def latest_settled(self, count: int) -> list[Trial]:
        return [trial for index, trial in enumerate(self.settled()) if index >= len(self.order) - count]

    def population(self) -> list[Trial]:
        roles = (Role.KNOWN, Role.SEARCH)
        return [trial for trial in self.settled() if trial.role in roles and trial.score is not None and is_new(trial)]

    def distinct_population(self) -> list[Trial]:
        shortest: dict[str, Trial] = {}
        for trial in self.population():
            key = trial.fingerprint or str(trial.number)
            if key not in shortest or nodes(trial) < nodes(shortest[key]):
                shortest[key] = trial
        return sorted(shortest.values(), key=lambda trial: trial.number)

    def of_role(self, *roles: Role) -> list[Trial]:
        return [trial for trial in self if trial.role in roles]

    def n_proxies(self) -> int:
        return sum(not trial.was_spared for trial in self.of_role(Role.KNOWN, Role.SEARCH, Role.LEG))

    def n_candidates(self) -> int:
        return sum(map(is_new, self.of_role(Role.KNOWN, Role.SEARCH)))

    def baseline_scores(self) -> list[float]:
        return [trial.score for trial in self.of_role(Role.BASELINE) if trial.score is not None]

    def scores_of(self, number: int) -> list[float]:
        trials = [trial for trial in self if number in (trial.number, trial.repeats)]
        trials = [trial for trial in trials if trial.number == number or trial.role not in (Role.LONGER, Role.CONFIRM)]
        return [trial.score for trial in trials if trial.score is not None]

    def repeats_of(self, number: int) -> list[Trial]:
        roles = (Role.BASELINE, Role.KNOWN, Role.SEARCH, Role.FINALIST)
        return [trial for trial in self.of_role(*roles) if trial.repeats == number]

    def longer(self, number: int, times: float) -> list[Trial]:
        return [trial for trial in self.of_role(Role.LONGER) if (trial.repeats, trial.times) == (number, times)]

    def same_loss(self, fingerprint: str) -> Trial | None:
        for trial in self.of_role(Role.BASELINE, Role.KNOWN, Role.SEARCH):
            if fingerprint and trial.fingerprint == fingerprint and trial.state is State.COMPLETE and is_new(trial):
                return trial
        return None

    def failed_loss(self, fingerprint: str) -> Trial | None:
        for trial in self.of_role(Role.KNOWN, Role.SEARCH):
            if fingerprint and trial.fingerprint == fingerprint and trial.failed_by_itself and is_new(trial):
                return trial
        return None

    def best_found(self, count: int) -> list[Trial]:
        return self.best(Role.SEARCH, count)

    def best_known(self, count: int) -> list[Trial]:
        return self.best(Role.KNOWN, count)

    def best(self, role: Role, count: int) -> list[Trial]:
        trained = [trial for trial in self.trained() if trial.role is role]
        return sorted(trained, key=lambda trial: (-self.standing(self.runs(trial)), trial.number))[:count]

    def runs(self, trial: Trial) -> list[Trial]:
        return [trial, *(each for each in self.repeats_of(trial.number) if each.role is Role.SEARCH)]

    def standing(self, runs: list[Trial]) -> float:
        return -inf if any(run.state is State.FAILED for run in runs) else self.over(runs)

    def over(self, runs: list[Trial]) -> float:
        hand_made = {run.seed: run.score for run in self.of_role(Role.BASELINE) if run.score is not None}
        scored = [run for run in runs if run.score is not None]
        if len(scored) == 1:
            return scored[0].score
        usual = fmean(hand_made.values()) if hand_made else 0.0
        same = [hand_made.get(run.seed, usual) for run in scored]
        return same[0] + (fmean(run.score for run in scored) - fmean(same))

    def estimate(self, number: int) -> float | None:
        trial = self.trials[number]
        trained = {each.number: each for each in self.trained()}
        loss = trained.get(number_in(trial.outcome.reason) if trial.state is State.EQUIVALENT else number)
        return self.over(self.runs(loss)) if loss else trial.score

    def trained(self) -> list[Trial]:
        return [t for t in self.of_role(Role.KNOWN, Role.SEARCH) if t.state is State.COMPLETE and is_new(t)]

    def due(self, seeds: int) -> int | None:
        for level in range(seeds - 1, 0, -1):
            there = [
                t
                for t in self.trained()
                if len(self.runs(t)) >= level and all(r.outcome for r in self.runs(t)[:level])
            ]
            there.sort(key=lambda trial: (-self.standing(self.runs(trial)[:level]), trial.number))
            for trial in there[: len(there) // 2]:
                if len(self.runs(trial)) == level and not any(run.state is State.FAILED for run in self.runs(trial)):
                    return trial.number
        return None

    def ranking(self, count: int) -> list[Trial]:
        confirmed, ranked = self.confirmed(), self.by_seeds(self.best_found(count))
        if confirmed and ranked:
            ranked = [confirmed, *(trial for trial in ranked if trial.number != confirmed.number)][: len(ranked)]
        return ranked

    def winner(self) -> Trial | None:
        repeated = {trial.repeats for trial in self.of_role(Role.FINALIST)}
        finalists = [trial for trial in self.by_seeds(self.best_found(len(self))) if trial.number in repeated]
        return self.confirmed() or next(iter(finalists or self.ranking(1)), None)

    def confirmed(self) -> Trial | None:
        found = {trial.number: trial for trial in self.of_role(Role.SEARCH)}
        return next(
            (found[trial.repeats] for trial in self.of_role(Role.CONFIRM)[::-1] if trial.repeats in found), None
        )

    def by_seeds(self, trials: list[Trial]) -> list[Trial]:
        def key(trial: Trial) -> tuple:
            finalist = [t for t in self.of_role(Role.FINALIST) if t.repeats == trial.number and t.score is not None]
            plain = mean(self.scores_of(trial.number))
            return -len(finalist), -self.over([trial, *self.repeats_of(trial.number)]), -plain, trial.number

        return sorted(trials, key=key)

    def funnel(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for trial in self:
            total.update(trial.funnel)
        return total


def is_new(trial: Trial) -> bool:
    return trial.role is not Role.SEARCH or trial.repeats is None


def number_in(reason: str) -> int:
    return int(reason.removeprefix('trial ')) if reason.startswith('trial ') else -1


def nodes(trial: Trial) -> int:
    return sum(tree.size for tree in trial.genome.values())
