"""Small real data that the licence lets us ship or reach, and the simulator of the models' own worlds."""

from ltvml.datasets.cdnow_cohort import cdnow, cdnow_sample
from ltvml.datasets.online_retail_2 import demo_config, online_retail, online_retail_lines, online_retail_products

__all__ = ["cdnow", "cdnow_sample", "demo_config", "online_retail", "online_retail_lines", "online_retail_products"]
