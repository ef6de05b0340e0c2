"""Cohorts."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "label.plain": "简单价值",
    "label.lifetime": "客户寿命",
    "label.change": "复购收入",
    "label.levers": "未来杠杆",
    "label.experience": "首单体验",
    "label.cost": "获客",
    "label.referrals": "推荐",
    "label.cohorts": "数据表",
    "cohorts.week": "首单周",
    "cohorts.month": "首单",
    "cohorts.quarter": "首单",
    "cohorts.customers": "客户",
    "cohorts.again": "复购",
    "cohorts.so_far": "至今",
    "cohorts.to_come": "预计",
    "cohorts.level_counts": "{attribute}：各类别的占比与金额只含不少于 {fewest} 位客户的同期群（{setting}）；"
    "较小同期群的 {customers} 位客户只计人数。",
    "cohorts.caption": "复购：有第二单的客户占比；+{nth}：首单后第 {nth} 个{period}下单的客户占比；"
    "至今、预计：每位客户截止日前的毛利和之后的预测价值。",
    "cohorts.name.week": "周",
    "cohorts.name.month": "月",
    "cohorts.name.quarter": "季度",
    "cohorts.plain": "每单 {order_value} × 每年 {orders} 单 × {years} 年 = 每位客户 {value}，"
    "前提是所有客户购买相同且一切不变",
    "cohorts.lifetime": "从首单到末单平均 {days}，以 {longest} 的订单为限（乘积极限法）；"
    "{customers} 位客户中 {lapsed} 位已流失（超过 {silence} 未购买）",
    "cohorts.change": "最近 {days} 为 {after}，之前 {days} 为 {before}；客户数 {customers}，留存 {retention}，"
    "每位客户订单数 {orders}，客单价 {order_value}",
    "cohorts.predicted": "{customers} 位客户中预计有 {retention} 在 {cutoff} 之后 {days}内下单，每位 {orders} 次，"
    "每单 {order_value}（已折现并乘以毛利率），共 {value}（模型 {model}）；留存每提高一个百分点带来 {more}，"
    "客户数、下单次数或单价每提高 1 % 各带来 {one}",
    "cohorts.more": "留存每增加一个百分点带来 {retention}，其他任一项增加 1 % 带来 {customers}",
    "cohorts.too_short": "订单历史太短，无法比较两段时间",
    "cohorts.cost": "{cohorts} 个同期群花费 {cost}；加上预测价值为花费的 {ratio} 倍，其中 {paid} 个已收回成本",
    "cohorts.referred": "{referred} 位客户由 {advocates} 位客户带来；{unknown} 位的推荐人不是客户，"
    "{circles} 位处于循环推荐中，不计入任何人",
    "cohorts.experience": "{bad}之后，第 {first} 至 {last} 天内有 {rate_bad} 再次下单，其余客户为 {rate_good}；"
    "首单金额相近时相差 {difference}（{low} 至 {high}），共 {all} 位客户中的 {customers} 位。"
    "两组可能还有其他差别，不说明因果",
    "cohorts.experience.few": "{bad}：第 {first} 至 {last} 天内可比较的客户不足 {fewest} 位（{setting}）",
    "cohorts.experience.rating": "首单评分不高于 {limit}",
    "cohorts.experience.complaint": "首单投诉",
    "cohorts.experience.late": "首单延迟送达",
    "cohorts.experience.returned": "首单退货",
    "cohorts.points": "{points} 个百分点",
    "cohorts.few": "{cohorts} 个同期群少于 {fewest} 位客户（共 {customers} 位），不显示其数字（{setting}）",
    "cohorts.first": "首个{period}的客户可能在订单数据开始之前就已下单：{first} 含有老客户",
    "cohorts.no_model": "没有预测值，因为尚未拟合模型：请先运行 {command}",
    "cohorts.no_costs": "没有指定获客成本表（{setting}）",
    "cohorts.unknown_costs": "成本表中 {rows} 行的 {column} 不在订单中（第一个：{first}）：已忽略",
    "cohorts.some_costs": "{customers} 位客户中 {known} 位有成本：其余按无成本计算",
}
