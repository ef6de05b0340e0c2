"""The command line does not wait for scikit-learn, and a program of one's own gets all of LightGBM."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from ltvml.loading import lightgbm_alone, process_is_ours
if {ours}: process_is_ours()
with lightgbm_alone():
    import lightgbm
print("sklearn.base" in sys.modules, lightgbm.compat.SKLEARN_INSTALLED)
import sklearn
print(sklearn.__name__)
"""


@pytest.mark.parametrize(("ours", "said"), [(True, "False False"), (False, "True True")])
def test_lightgbm_comes_alone_where_the_process_is_ours(ours: bool, said: str):
    script = SCRIPT.format(ours=ours)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [said, "sklearn"]
