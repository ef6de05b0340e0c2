"""`python -m tests.exports [NAME ...]`: what init makes of every export, as a table; with names also what was said."""

from __future__ import annotations

import sys
from collections import Counter

from tests.exports.judge import all_exports, judge


def main(names: list[str]) -> None:
    exports = all_exports()
    found = [judge(exports[name]) for name in (names or exports)]
    for one in found:
        after = "" if one.alone.right else ("right" if one.helped.right else f"{one.helped.share:.0%}")
        setting = "" if one.alone.right else one.export.setting or ("must stop" if one.export.stops else "")
        print(f"{one.export.name:26} {one.verdict:7} {one.alone.share:5.0%} {after:6} {setting}")
        if names:
            print(
                one.alone.words,
                "" if one.helped is one.alone else f"\n--- with {setting}\n{one.helped.words}",
                sep="\n",
            )
    print(
        Counter(one.verdict for one in found),
        "right after one setting:",
        sum(one.helped.right for one in found),
        "of",
        len(found),
    )


main(sys.argv[1:])
