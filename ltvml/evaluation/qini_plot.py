"""The Qini curve: purchases that the contacts brought, by how many of the ranked customers are contacted."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter

from ltvml.evaluation.plots import FOOT_WIDTH, MAIN, QUIET, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def qini_plot(share: ArrayLike, gained: ArrayLike, *, words: str) -> Figure:
    """Purchases brought by contacting the customers ranked first, and by contacting as many at random.

    Parameters
    ----------
    share : (m,) array
        Of the customers contacted, from 0 to 1.
    gained : (m,) array
        Purchases brought.
    words : str
        What to make of it, for the foot of the picture.
    """
    at, brought = np.asarray(share, dtype=float), np.asarray(gained, dtype=float)
    figure, axes = canvas("Purchases that contacts bring, by measured uplift", "purchases brought")
    axes.plot(at, brought, color=MAIN, linewidth=1.8, label="ranked by uplift")
    axes.plot([0, 1], [0, brought[-1]], color=QUIET, linewidth=1.2, linestyle="--", label="at random")
    axes.set_xlabel("share of the customers contacted")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda part, _: f"{part:.0%}"))
    axes.set_xlim(0, 1)
    axes.legend(frameon=False)
    figure.supxlabel(fill(words, FOOT_WIDTH), color=QUIET, fontsize=8.5, x=0.02, ha="left")
    return figure
