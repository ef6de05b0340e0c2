from __future__ import annotations

import pytest
from families import FAMILY_RULES, OTHER, family_of

# what a person says who reads the description, written down before the rules were run on it
JUDGED_BY_EYE = {
    "WHITE HANGING HEART T-LIGHT HOLDER": "candles",
    "REGENCY CAKESTAND 3 TIER": "cake and baking",
    "JUMBO BAG RED RETROSPOT": "bags",
    "LUNCH BAG  BLACK SKULL.": "bags",
    "PACK OF 72 RETROSPOT CAKE CASES": "cake and baking",
    "PAPER CHAIN KIT 50'S CHRISTMAS": "christmas",
    "60 CAKE CASES VINTAGE CHRISTMAS": "christmas",
    "BATHROOM METAL SIGN": "signs",
    "DOORMAT FAIRY CAKE": "textiles and doors",
    "SPACEBOY BIRTHDAY CARD": "cards and wrap",
    "VINTAGE HEADS AND TAILS CARD GAME": "toys",
    "SPACEBOY LUNCH BOX": "kitchen",
    "RED RETROSPOT CUP": "tea and tableware",
    "CREAM CUPID HEARTS COAT HANGER": "storage",
    "SCOTTIE DOG HOT WATER BOTTLE": "warmers",
    "PLASTERS IN TIN SPACEBOY": "bath and beauty",
    "ALARM CLOCK BAKELIKE RED": "clocks",
    "WOODEN PICTURE FRAME WHITE FINISH": "frames and mirrors",
    "RABBIT NIGHT LIGHT": "lights",
    "12 PENCILS SMALL TUBE RED RETROSPOT": "stationery",
    "FELTCRAFT CUSHION OWL": "craft",
    "SET/20 RED RETROSPOT PAPER NAPKINS": "party",
    "EDWARDIAN PARASOL NATURAL": "garden",
    "PINK HEART GLASS BRACELET": "jewellery and accessories",
    "ASSORTED COLOUR BIRD ORNAMENT": "decorations",
}


@pytest.mark.parametrize(("description", "family"), JUDGED_BY_EYE.items())
def test_a_description_gets_the_family_a_reader_would_give(description: str, family: str) -> None:
    assert family_of(description) == family


@pytest.mark.parametrize("description", [None, "", "check", "?? damaged"])
def test_a_description_that_says_nothing_is_other(description: str | None) -> None:
    assert family_of(description) == OTHER


def test_a_plain_keyword_is_a_whole_word_and_a_starred_one_a_beginning() -> None:
    assert family_of("CUP") == family_of("CUPS") != family_of("CUPID")
    assert family_of("CANDLEPLATE") == "candles"


def test_no_keyword_stands_twice_in_one_family() -> None:
    for family in {name for name, _ in FAMILY_RULES}:
        keywords = [word for name, words in FAMILY_RULES if name == family for word in words.split(", ")]
        assert len(keywords) == len(set(keywords)), family
