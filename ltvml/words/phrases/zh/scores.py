"""The report about all customers, and those most at risk."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "score.customers": "{count}位，数据截至{cutoff}",
    "score.bands": "低{low}位，中{medium}位，高{high}位（{days}内不下单）",
    "score.counts": "按购买次数计算，不是金额",
    "score.total": "{days}内{amount}",
}
