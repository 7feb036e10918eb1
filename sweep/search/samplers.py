"""Optuna's samplers as a sweep uses them, and what each makes of noise.

An Elo here has three parts: the configuration's worth, the luck of one training seed (some 40 Elo), and the luck of
the matches (200 of them: 25 Elo). A sampler is told the sum, once a training. A configuration that is trained again
enters the study as one more trial with the same parameters: nothing is averaged away or overwritten, and no trial's
number is ever replaced by a better one.

- TPE (Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011) has no model of noise. It ranks: the
  best tenth of the trials (at most 25) shapes one density over the space, all others a second, and it proposes where
  their ratio is high. By how much an Elo leads changes nothing, so an outlier counts as one trial of the best tenth,
  however lucky. What is tried beside it and turns out ordinary joins the other density, and the ratio there falls. Of
  ten trials the best tenth is a single one: that much luck is followed. Pruned trials rank behind all whole ones.
- GP fits a Gaussian process with a noise term (`deterministic_objective=False`): equal parameters may have unequal Elo,
  and where they do, its mean goes between them. Its expected improvement is over the best Elo seen, luck included:
  that makes it explore more, not stay with the outlier. It learns from whole trainings alone, not from pruned ones.
- Random has no memory, hence no luck: what every other way has to beat.

None of this makes the best tuning number honest: it is the best of many. Headlines are played afresh.
"""

import warnings

import optuna

from sweep.ways import Sampler


def make(name: Sampler, seed: int, startup_trials: int) -> optuna.samplers.BaseSampler:
    """The sampler; until `startup_trials` are over it proposes at random. For several objectives as for one.

    TPE: multivariate (parameters interact), grouped (spaces may be conditional), with a constant liar (trials run in
    parallel). GP counts whole trainings alone as startup trials, and takes those under way into account by itself.
    """
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if name == "gp":
        return optuna.samplers.GPSampler(
            seed=seed, n_startup_trials=startup_trials, deterministic_objective=False, warn_independent_sampling=False
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=startup_trials
        )
