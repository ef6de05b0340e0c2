"""Names of the arrays that functions take and give; imported for types alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Places = NDArray[np.intp]
Words = NDArray[np.object_]
