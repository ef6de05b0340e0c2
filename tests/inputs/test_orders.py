"""What the engine is asked to read."""

import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.errors import ConfigError
from ltvml.inputs.orders import source_of


def test_a_missing_source_is_an_error_only_without_a_frame():
    with pytest.raises(ConfigError, match=r"transactions\.source is missing"):
        source_of(Config().orders, None)
    frame = pd.DataFrame({"customer_id": ["a"]})
    assert source_of(Config().orders, frame).source is frame
