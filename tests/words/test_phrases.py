"""Every language says everything, with the same facts, in its own words."""

from __future__ import annotations

import re
from collections import Counter
from string import Formatter

import pytest

from ltvml.bundle.rfm import SEGMENTS
from ltvml.errors import ConfigError
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, PURPOSES
from ltvml.outreach.allocation.allocate import BLOCKS
from ltvml.outreach.customers import cadence
from ltvml.outreach.customers.stages import NOT_THERE, STAGES
from ltvml.outreach.customers.tags import TAGS
from ltvml.outreach.reasons import sentences as wording
from ltvml.outreach.reasons.facts import FACTS
from ltvml.outreach.restraint.caps import REASONS
from ltvml.words.phrases import languages, named, parts, phrases
from ltvml.words.spoken import names_in

CJK = re.compile("[\u4e00-\u9fff]")
# building blocks that are only marks and numbers, the same in every language
MARKS = {
    "percent",
    "money",
    "money.code",
    "money.named",
    "between",
    "series",
    "items.between",
    "end",
    "count",
    "plan.value",
    "took.step",
    "measure.plan",
}
JOINS = {"between", "series", "items.between"}
STOCK = ("sufficient", "about_to_replenish", "depleted", "lapsed")
NAMES = {
    "action": sorted({*(action.name for action in DEFAULT_ACTIONS), *cadence.ACTIONS}),
    "purpose": PURPOSES,
    "channel": [*(channel.name for channel in CHANNELS), "wecom", "wechat"],
    "stage": [*STAGES, NOT_THERE],
    "rfm": sorted(set(SEGMENTS.ravel())),
    "stock": STOCK,
    "suppressed": [*REASONS, *BLOCKS, "no_action"],
    "tag": TAGS,
}
SAID = {form for said in (*wording.SENTENCES.values(), wording.ANY_ACTION) for forms in said for form in forms}


def placeholders(template: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def test_english_and_chinese_are_there() -> None:
    assert {"en", "zh"} <= set(languages())


@pytest.mark.parametrize("language", languages())
def test_a_phrase_stands_once_and_in_the_same_file_in_every_language(language: str) -> None:
    assert {name: set(part) for name, part in parts(language).items()} == {
        name: set(part) for name, part in parts("en").items()
    }
    assert sum(map(len, parts(language).values())) == len(phrases(language))


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_keys_and_the_same_placeholders(language: str) -> None:
    own, english = phrases(language), phrases("en")
    assert set(own) == set(english)
    assert {key: placeholders(text) for key, text in own.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", languages())
def test_no_phrase_is_empty_and_none_begins_or_ends_with_a_blank(language: str) -> None:
    empty = [key for key, text in phrases(language).items() if not text or (text.strip() != text and key not in JOINS)]
    assert empty == []


@pytest.mark.parametrize("language", languages())
def test_every_name_that_a_plan_can_hold_has_words(language: str) -> None:
    wanted = {f"{kind}.{name}" for kind, names in NAMES.items() for name in names}
    assert wanted - set(phrases(language)) == set()
    of_names = {key for key in phrases(language) if key.partition(".")[0] in NAMES}
    assert of_names - wanted == set()


@pytest.mark.parametrize("language", languages())
def test_two_names_of_a_kind_never_read_the_same(language: str) -> None:
    for kind, names in NAMES.items():
        words = [named(kind, name, language) for name in names]
        assert len(set(words)) == len(words), kind


@pytest.mark.parametrize("language", languages())
def test_a_part_of_a_sentence_asks_only_for_facts_that_there_are(language: str) -> None:
    assert {name for form in SAID for name in names_in(phrases(language)[form])} <= set(FACTS)


def test_every_fact_is_asked_for_by_some_part() -> None:
    given = {name for form in SAID for name in names_in(phrases("en")[form])}
    assert set(FACTS) - given == set()


def test_no_part_in_english_begins_with_an_item_whose_letters_are_not_ours_to_change() -> None:
    assert [form for form in SAID if re.match(r"\{(item|follows|new_item|action)\}", phrases("en")[form])] == []


def test_chinese_is_chinese() -> None:
    foreign = [key for key, text in phrases("zh").items() if not CJK.search(text) and key not in MARKS]
    assert foreign == []
    # Latin letters stand only in placeholders, in forms of dates and in VIP, as in Chinese trade
    plain = (re.sub(r"\{\w+\}|%[A-Za-z]", "", text) for text in phrases("zh").values())
    latin = {word for text in plain for word in re.findall("[A-Za-z]+", text)}
    assert latin == {"VIP"}


def test_chinese_has_no_western_marks_between_its_words() -> None:
    western = [key for key, text in phrases("zh").items() if re.search("[,;:()?!\"']|\\.$", text)]
    assert western == []


# of the day on which it is read, and not of the day that it was written for
RELATIVE = {
    "en": r"\b(ago|today|yesterday|tomorrow|now|soon|recently|lately|next|this week)\b|\bin (the last )?\{\w+\}",
    "zh": "(今|昨|明|前|后)天|(今|昨|明)日|(天|日)(前|后)|(最近|未来)\\{|近期|目前|去年|明年|本周|本月|下周|上周|如今",
}
OF_REASONS = (*SAID, *(key for key in phrases("en") if key.startswith(("why.", "pace.", "every.", "orders."))))


@pytest.mark.parametrize("language", languages())
def test_a_reason_is_as_true_a_week_later(language: str) -> None:
    assert language in RELATIVE
    table = phrases(language)
    assert {key: table[key] for key in OF_REASONS if re.search(RELATIVE[language], table[key])} == {}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "2 days ago"),
        ("en", "ordered in {n}"),
        ("en", "in the last {n}"),
        ("zh", "昨天下单"),
        ("zh", "最近{n}内"),
    ],
)
def test_words_of_the_day_of_reading_are_found(language: str, text: str) -> None:
    assert re.search(RELATIVE[language], text)


def test_an_unknown_language_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"outreach\.language is 'tlh'; expected one of en, zh"):
        phrases("tlh")


def test_a_name_of_the_users_own_is_said_as_it_is() -> None:
    assert named("action", "spring_offer", "zh") == "spring offer"
