"""What a plan finds: sentences."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "ladder": "{days}天内再次购买的比例：{steps}。{turn}",
    "ladder.none": "没有复购阶梯：下单后观察满{days}天的客户太少。",
    "ladder.step": "第{n}单后为{share}",
    "ladder.turn": (
        "从第{n}单起，再多下一单，比例的提高不到{points}个百分点（自助抽样：{spread}）。这里描"
        "述的是哪些客户在继续购买，并不说明多下一单会促成再下一单。"
    ),
    "ladder.no_turn": (
        "每多下一单，比例至少提高{points}个百分点，尚未出现转折点。这里描述的是哪些客户在继续购"
        "买，并不说明多下一单会促成再下一单。"
    ),
    "ladder.drawn": "转折点为第{n}单的占{share}",
    "ladder.drawn.none": "没有转折点的占{share}",
    "launch.not_measurable": "无法衡量效果：计划联系{contacts}位客户，对照组{held_out}位。请设置{setting}，例如0.1。",
    "launch.arms": "计划联系{contacts}位客户，对照组{held_out}位。",
    "launch.no_rise": "客户太少，以{rate}的转化率为起点检测不到任何提升：请扩大对照组，或延长活动时间。",
    "launch.rise": "转化率可检测的最小提升（检验功效{power}）：{points}个百分点，从{rate}升至{raised}。",
    "launch.value": "每位客户价值可检测的最小差异（检验功效{power}）：{value}。",
    "launch.effect": "检测到所假设的效果（{points}个百分点）的功效：{power}。",
    "launch.more": "调高{setting}可以提高功效。",
    "note.skipped.column": "跳过{action}：需要客户表中的{column}列，但没有这一列。",
    "note.skipped.pairs": "跳过{action}：需要客户与商品的补货表，但没有这张表。",
    "note.follow_up.items": "没有商品信息：跟进只询问首单，也没有补货提醒。",
    "note.follow_up.attributes": "没有客户资料表：没有换阶段提醒和关怀信息。",
    "note.follow_up.points": "没有客户资料表：{column}列未被读取。",
    "note.no_items": "订单没有商品名称：没有搭配推荐，跟进只询问整张订单。",
    "note.no_companions": "没有搭配推荐：{why}",
    "note.succession": "“{newer}”替代“{older}”（{known}位买家中有{stopped}位不再购买后者）",
    "note.successions": (
        "{pairs}个商品会替代另一商品，不作为搭配推荐：{shown}。"
        "如需在旧商品停用后推荐新商品，请写入{chain}；按年龄则写入{by_date}。"
    ),
    "note.no_reminders": "不提供补货预测（{why}）：没有补货提醒。",
    "note.chances": "评分结果缺少{days}天内购买的概率，本次计划已自行计算。用同一配置运行 {command} 可以节省时间。",
    "note.renamed": "客户表中有与评分结果同名的列；规则以{columns}读取这些列。",
    "note.not_sent": "联系记录中没有{rows}个计划中的联系，这些客户可以重新安排。",
    "note.export": "导出{export}：{rows}个联系没有该工具能识别的身份，未列入（{setting}）。",
    "note.closed": "未处理的投诉与退货：共{rows}行，其中{closed}行按{columns}列已结案。",
    "note.granted": "退订名单：共{rows}行，其中{granted}行按{columns}列并未拒绝。",
    "note.refused": "退订名单：客户表的{column}列中有{customers}位客户拒绝联系。",
    "note.alike": "{table}：有{rows}行的客户编号仅在大小写、空格或前导零上与订单不同。",
    "note.contacts.excluded": "联系记录：共{rows}行，排除{excluded}行：{why}。",
    "note.contacts.no_id": "缺少{column}",
    "note.contacts.no_date": "{column}缺失或无法读取",
    "note.contacts.stranger": "订单中没有该客户",
    "note.contacts.late": "{column}晚于{day}",
    "note.contacts.never_sent": "状态显示并未发出",
    "note.contacts.channels": (
        "联系记录：共{rows}行，其中{found}行的渠道不在{setting}中（{listed}）：计入所有渠道的总"
        "上限，不计入单个渠道的上限。"
    ),
    "note.stock_up": (
        "{file}：有{items}种商品，一次购买通常数量的{pack}倍，可以用{least}至{most}倍的时间。大"
        "包装适合弹性接近1的商品，这样的商品很少：其他商品的大包装只是提前卖出以后本来会卖出的"
        "数量。"
    ),
    "note.preferred": "有{customers}位客户偏好的渠道不在{setting}中（例如“{first}”）：这一偏好不起作用。",
    "note.not_reminded": (
        "有{items}个快用完的商品没有提醒：{rules}排除了它们，或当天更适合该客户的是{dated}中的另一种商品。"
    ),
    "note.never_bought": "{setting}中有订单里没有的商品，对它们不起作用：{items}。",
    "note.advocates": "品牌拥护者按订单数、商品数和时长认定：客户表中没有{column}列。",
    "note.nightly": (
        "本计划覆盖{days}天，其间的新订单还不知道：跟进从下单后第{day}天开始，因此请每晚运行 {score} 和 {outreach}。"
    ),
}
