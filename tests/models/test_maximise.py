"""The optimiser on functions whose maxima are known."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.models.maximise import Evaluation, maximise


def rosenbrock(p: np.ndarray) -> Evaluation:
    x, y = p
    value = -(100 * (y - x**2) ** 2 + (1 - x) ** 2)
    gradient = np.array([400 * x * (y - x**2) + 2 * (1 - x), -200 * (y - x**2)])
    hessian = np.array([[400 * (y - 3 * x**2) - 2, 400 * x], [400 * x, -200.0]])
    return Evaluation(float(value), gradient, hessian)


def ridge(p: np.ndarray) -> Evaluation:
    """Rises for ever towards 0 in the first parameter."""
    rest = np.exp(-p[0])
    return Evaluation(float(-rest - p[1] ** 2), np.array([rest, -2 * p[1]]), np.diag([-rest, -2.0]))


def saddle(p: np.ndarray) -> Evaluation:
    """Two maxima at x = +-1, and a saddle between them."""
    x, y = p
    gradient = np.array([4 * x - 4 * x**3, -2 * y])
    return Evaluation(float(2 * x**2 - x**4 - y**2), gradient, np.diag([4 - 12 * x**2, -2.0]))


@pytest.mark.parametrize("start", [[-1.2, 1.0], [5.0, -5.0], [0.0, 0.0]])
def test_the_banana_is_climbed_to_its_end(start):
    found = maximise(rosenbrock, np.array(start))
    assert found.converged
    np.testing.assert_allclose(found.point, [1, 1], atol=1e-6)


def test_ridge_to_infinity_ends_within_the_tolerance():
    found = maximise(ridge, np.array([0.0, 3.0]), tolerance=1e-7)
    assert found.converged
    assert -1e-6 < found.at.value <= 0
    assert found.steps < 40


def test_saddle_is_left():
    found = maximise(saddle, np.array([1e-4, 0.5]))
    assert found.converged
    np.testing.assert_allclose(np.abs(found.point), [1, 0], atol=1e-6)


def test_steps_that_run_out_are_admitted():
    assert not maximise(rosenbrock, np.array([-1.2, 1.0]), max_steps=3).converged
