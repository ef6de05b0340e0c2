"""What libraries read when they are loaded, set before any of them is: workers of the suite share the cores."""

from __future__ import annotations

import os

# a thread that waits for its turn must not keep a core busy: beside another worker, the linear algebra of a fit of
# four parameters took ten times as long on two threads as on one
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
