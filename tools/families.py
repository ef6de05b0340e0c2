"""Keyword rules that give a product family to a description of Online Retail II, which has no categories of its own.

The rules are tried from top to bottom and the first that matches wins, so the order carries meaning: a "CHRISTMAS CARD"
is Christmas stock, a "LUNCH BOX" belongs to the kitchen and not to storage, a "CARD GAME" is a toy and not a card.
A keyword is a whole word or phrase, singular or plural; one that ends in `*` is the beginning of a word.
"""

from __future__ import annotations

import re
from functools import cache

OTHER = "other"

FAMILY_RULES: tuple[tuple[str, str], ...] = (
    (
        "christmas",
        "christmas, xmas, advent, santa, reindeer, snowman, snowmen, snowflake, bauble, rudolph, nativity",
    ),
    ("warmers", "hot water bottle, hand warmer, hottie, hot water bot"),
    (
        "signs",
        "sign, doorsign, chalkboard, blackboard, black board, plaque, natural slate, building block word, block word",
    ),
    (
        "textiles and doors",
        "doormat, door mat, doorstop, door stop, drawer knob, drawerknob, doorknob, door knob, door hanger",
    ),
    (
        "party",
        "party bag, party light, cocktail parasol, happy birthday, paper chain, paper plate, paper cup, paper lantern",
    ),
    (
        "storage",
        "toy tidy, toy box, sewing box, card holder, coat rack, magazine rack, letter rack, photo shelf, storage jar",
    ),
    (
        "candles",
        "candle*, t-light*, t light*, tealight*, tlight, lantern, incense, votive, oil burner, "
        "fragrance, matches, chocolatecandle",
    ),
    (
        "toys",
        "snap card, playing card, card game, bridge card, heads and tails, playhouse, tattoo*, picture domino*",
    ),
    (
        "cards and wrap",
        "card, gift bag, gift box*, gift tag, wrap, giftwrap, wrapping, ribbon*, envelope, postcard, tag",
    ),
    (
        "cake and baking",
        "cake case, cakecase, cake stand, cakestand, cookie cutter, baking, cake tin, jelly mould, "
        "jam making, muffin, rolling pin, cake plate, cake mould, cake server, cupcake, icing, "
        "mixing bowl, petit four",
    ),
    (
        "kitchen",
        "lunch box, lunchbox, snack box*, food container, food cover, bread bin, recipe box, "
        "kitchen, apron, oven*, tea towel, teatowel, cake towel, scale, measuring, pan, spice, "
        "biscuit tin, butter dish, washing up, spoon, cutlery, colander, peg, recipe, egg timer, "
        "magnet, jam jar, pepper, salt, bottle opener, tea cosy, toast its, tea coffee sugar, "
        "tea,coffee,sugar, jam pot, ladle, grater, whisk, peeler, chopping board, corkscrew, "
        "chopstick, cooking, squeezer",
    ),
    (
        "bath and beauty",
        "plaster*, tissue*, soap*, bath*, sponge, cosmetic, wash bag, washbag, toothbrush, shower, "
        "sleeping mask, eye mask, manicure, nail, first aid, make up, lip, laundry, toilet, flannel, "
        "towel, ironing",
    ),
    (
        "bags",
        "bag, shopper, tote, purse, satchel, handbag, backpack, rucksack, holdall, luggage, wallet, suitcase",
    ),
    (
        "stationery",
        "pencil*, pen, notebook, note book, crayon*, chalk, sticker, notepad, stamp, eraser, ruler, "
        "sketchbook, stationery, exercise book, pocket book, scrap book, notelet, journal, diary, "
        "bookmark, passport cover, writing, calendar, paperweight, tape, paint set, stencil*, "
        "address book, calculator, clipboard, paper clip, jotter, memo, memoboard, folder, "
        "organiser, sharpener, sharpner",
    ),
    (
        "craft",
        "feltcraft, felt craft, knitting, sewing, craft, crochet, button, embroidery, pin cushion, sequin*, patch*",
    ),
    ("clocks", "clock, watch"),
    ("frames and mirrors", "frame, photo, mirror, album, picture, canvas, poster, wall art, portrait"),
    ("lights", "light, lamp*, chandelier, led, torch, lightbulb"),
    (
        "garden",
        "garden*, plant*, watering can, bird house, bird table, bird feeder, birdhouse, birdcage, "
        "bird cage, nesting box*, picnic, parasol, umbrella, deckchair, seed*, windmill, flower pot, "
        "flowerpot, herb, trellis, hammock, trowel, bucket, spade, beach, chime, wellington, "
        "pot holder, windbreak, wheelbarrow, kneeling",
    ),
    (
        "toys",
        "toy*, game, doll, jigsaw, puzzle, domino*, bingo, harmonica, skittle*, skipping, glider, "
        "spinning top, teddy, ludo, baby, soldier, magic, robot, puppet, modelling clay, ball, yoyo, "
        "yo yo, kite, slinky, whistle, inflatable, badge, puncture, babushka, snakes, catch cup, "
        "croquet, rounders, alphabet block, jigsaw block, rattle, piano, drum, train, car, bouncy, "
        "mobile, colouring, quoits, marbles, helicopter, creep*, rocking horse, animals, "
        "flying disc, naughts",
    ),
    (
        "jewellery and accessories",
        "necklace*, necklac*, bracelet*, bead*, earring*, ring, brooch*, bangle*, charm, choker, "
        "hair*, pendant, tiara, jewel*, clip, keyring, key fob, key chain, scarf, shawl, glove, "
        "sock, slipper, belt, fan, hat, sombrero, poncho, rain mac, shirt, sunglass*, badges",
    ),
    (
        "tea and tableware",
        "mug, cup, teacup, saucer, teapot, tea pot, plate, bowl, jug, glass*, tumbler, tea set, "
        "tray, coaster, placemat, place mat, place setting, beaker, goblet, decanter, egg cup, "
        "eggcup, dish, breakfast, table mat, tablecloth, popcorn, dessert, sundae, cruet, toastrack, "
        "toast rack, table run, platter, straw, ashtray, flask, coffee set, milk bottle, "
        "tea for one, tea strainer, tongs, cake fork, cake slice, sugar",
    ),
    (
        "party",
        "napkin*, doily, doilies, doiley, bunting, party, balloon*, garland, streamer, birthday, "
        "confetti, wedding, sparkler, flag, pennant, cocktail swords, bubbles",
    ),
    (
        "textiles and doors",
        "cushion, squarecushion, rug, throw, quilt, curtain, blanket, pillow, filler pad, mat, "
        "stool, chair, table, bench, bed, knob, pouffe, footstool",
    ),
    (
        "storage",
        "box*, tin, jar, basket, drawer, cabinet, trinket*, storage, hook*, rack, shelf, hanger, "
        "tidy, crate, chest, money bank, piggy bank, moneybank, bank, holder, case, caddy, cupboard, "
        "bin, trunk, bottle, pot, container, stand, canister, hamper, book end, bookend, organizer, "
        "tub",
    ),
    (
        "decorations",
        "decoration*, ornament, wicker, hanging*, heart*, wreath, vase, figurine, flower*, rose*, "
        "star, bird*, angel*, butterfl*, dove, zinc, cornice, candelabra, cherub, fairy, fairies, "
        "fruit, pear, egg, easter, bell, tree, letters, rabbit, bunny, hen, cat, dog, owl, duck, "
        "chick*, lily, cone, feather, sculpture, block, garld, toadstool, mushroom",
    ),
    ("kitchen", "pantry, lolly maker"),
)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((family, _pattern(keywords)) for family, keywords in FAMILY_RULES)


def _pattern(keywords: str) -> re.Pattern[str]:
    endings = (
        re.escape(word[:-1]) if word.endswith("*") else re.escape(word) + r"(?:e?s)?\b" for word in keywords.split(", ")
    )
    return re.compile(rf"\b(?:{'|'.join(endings)})", re.IGNORECASE)


def family_of(description: str | None) -> str:
    """Family of a product, from the words of its description; `other` where no rule matches.

    Examples
    --------
    >>> family_of("PACK OF 72 RETROSPOT CAKE CASES")
    'cake and baking'
    >>> family_of("VINTAGE SNAP CARDS")
    'toys'
    """
    words = " ".join((description or "").split())
    return next((family for family, pattern in _patterns() if pattern.search(words)), OTHER)
