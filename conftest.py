"""What libraries read when they are loaded, set before any of them is: workers of the suite share the cores."""

from __future__ import annotations

import os

from hypothesis import settings

# a thread that waits for its turn must not keep a core busy: beside another worker, the linear algebra of a fit of
# four parameters took ten times as long on two threads as on one
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# a deadline times the machine and not the code: the suite shares its cores with whatever else runs
settings.register_profile("ltvml", deadline=None)
settings.load_profile("ltvml")
