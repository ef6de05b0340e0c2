"""What a measurement finds, in sentences, and its report."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "measure.impossible": (
        "无法衡量效果：计划联系{contacts}位客户，对照组{held_out}位。下次活动请设置{setting}，例如0.1。"
    ),
    "measure.no_effect": "这次活动对转化率和价值都没有统计上显著的效果。",
    "measure.conversion": "转化率：计划联系的客户为{treat}，对照组为{holdout}；相差{found}",
    "measure.value": "每位客户的价值：计划联系的客户为{treat}，对照组为{holdout}；相差{found}",
    "measure.points": "{points}个百分点",
    "measure.interval": "{difference}（{level}区间：{lo}至{hi}），{verdict}。",
    "measure.no_interval": "{difference}，客户或购买太少，无法给出区间。",
    "measure.significant": "统计上显著",
    "measure.loss": "统计上显著的损失",
    "measure.not_significant": "统计上不显著",
    "measure.rough": "价值的区间比较粗略：其中一组只有{buyers}位客户购买，至少应有{expected}位。",
    "measure.missed": (
        "可检测的最小效果（检验功效{power}）：转化率{points}个百分点，价值{value}。更小的效果可能没有被发现。"
    ),
    "measure.arms": "按意向分组比较：计划联系{contacts}位客户，对照组{held_out}位。",
    "measure.mismatch": (
        "分组比例异常：所比较的客户中有{found}在对照组，应为{expected}。两组可能不可比：请检查"
        "联系次数上限是否只排除了一组的客户。"
    ),
    "measure.made": "计划中的{planned}个联系，实际完成{made}个（{share}）。",
    "measure.contaminated": "对照组{held_out}位客户中有{contacted}位被联系过，测得的效果因此偏小。",
    "claim": "计划预计：{contacts}带来{orders}个额外订单，毛利{value}。",
    "claim.planned": "{contacts}个计划中的联系",
    "claim.sent": "{contacts}个已发出的联系",
    "claim.measured": "实际测得：额外订单{orders}，毛利{value}。",
    "claim.interval": "{value}（{level}区间：{lo}至{hi}）",
    "claim.is": "计划预计的毛利{place}",
    "claim.times": "计划预计的毛利是测得的{ratio}倍，{place}",
    "claim.inside": "在{level}区间之内。",
    "claim.above": "高于{level}区间：计划预计过高。",
    "claim.below": "低于{level}区间：计划预计过低。",
    "claim.unknown": "客户或购买太少，无法与计划的预计比较。",
    "claim.later": "计划另外预计窗口期之后的毛利{value}（{setting}），这一比较无法体现。",
    "effect": "{action}：购买的优势比变化{change}（{level}区间：{lo}至{hi}，已收缩）。",
    "effect.unmeasured": "{actions}：客户或购买太少，无法衡量效果，沿用假设的效果。",
    "effect.order_value": "{action}：一个额外订单的毛利是假设值的{share}（{level}区间：{lo}至{hi}，已收缩）。",
    "uplift": (
        "按增量排序的前{top}客户占全部效果的{uplift}（标准误{error}），按响应排序的前{top}占{response}：{verdict}"
    ),
    "uplift.helps": "按增量排序值得尝试。",
    "uplift.useless": "按增量排序没有帮助。",
    "note.measure.strangers": "计划中的客户都没有下单，而其他客户有：订单中的客户编号与计划一致吗？",
    "note.measure.unadjusted": "没有按{columns}调整：启动之前并非每位客户的这些值都已知。",
    "note.measure.no_action": "有{contacts}个联系没有写明动作，按计划中的动作计算。",
    "note.measure.campaign": "窗口期内没有活动{campaign}的联系；记录中的活动为{named}。",
    "note.measure.no_claim": "计划没有写明预计的效果（由较早的版本生成），无法比较。",
    "note.measure.none_sent": "联系记录中没有这份计划的联系：预计按全部计划中的联系计算。",
    "note.measure.open": "没有衡量{action}：其窗口期到{ends}结束，而订单只完整到{last}。",
    "note.measure.quiet": "截至{end}的最后{days}天没有订单：请检查订单是否完整。",
    "measure.label.orders": "订单",
    "measure.label.note": "提示",
    "measure.label.effect": "效果",
    "measure.label.measured": "结果",
    "measure.plan": "{campaign}，{cutoff}",
    "measure.until": "完整到{until}",
    "measure.contact": "联系",
    "measure.held_out": "对照",
    "measure.bought": "购买率",
    "measure.change": "百分点",
    "measure.ends": "{level}区间",
    "measure.range": "{lo}至{hi}",
    "measure.margin": "额外订单的毛利",
    "measure.contacts": "联系数",
    "measure.claimed": "预计",
    "measure.came": "测得",
    "measure.claim": "预计偏差",
    "measure.all": "全部",
    "verdict.inside": "区间内",
    "verdict.above": "偏高",
    "verdict.below": "偏低",
}
