"""Letters of every language are drawn, or said to be missing; never boxes."""

from __future__ import annotations

import warnings

import pytest
from matplotlib.font_manager import findSystemFonts, get_font

from ltvml.errors import DataWarning
from ltvml.plots import letters
from ltvml.plots.figures import canvas, save


def with_texts(word):
    axes = canvas(word, word)
    axes.set_yticks([0.0, 1.0], [word, "b"])
    axes.plot([0, 1], label=word)
    axes.legend()
    return axes


def lacking_in_the_usual_font() -> tuple[str, str]:
    """A letter that another installed font has, and that font."""
    for name, path in letters.installed():
        for code in sorted(get_font(path).get_charmap()):
            if letters.missing_letters(chr(code)):
                return chr(code), name
    pytest.skip("every installed font has the same letters")


def test_a_letter_is_drawn_with_a_font_that_has_it(tmp_path):
    letter, _ = lacking_in_the_usual_font()
    figure = with_texts(f"item {letter}")
    # a letter that is not drawn is a warning of matplotlib, and an error here
    save(figure, tmp_path / "plot.png")
    assert figure.get_title(loc="left") == f"item {letter}"
    assert letters.font_with(frozenset(letter)) in figure.yaxis.get_label().get_fontfamily()


def test_where_no_font_has_a_letter_it_is_said_once_and_no_box_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(letters, "installed", lambda: [])
    monkeypatch.setattr(letters, "newly_installed", lambda: [])
    letters.font_with.cache_clear()
    figure = with_texts("奶粉")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        save(figure, tmp_path / "plot.png")
    letters.font_with.cache_clear()
    (only,) = seen
    assert only.category is DataWarning
    assert str(only.message).startswith("plots show ? for 2 letters such as 奶粉: no installed font has them.")
    axes = figure
    assert [label.get_text() for label in axes.get_yticklabels()] == ["??", "b"]
    assert axes.get_title(loc="left") == "??"


def test_a_plot_whose_letters_are_there_keeps_its_font(tmp_path):
    figure = with_texts("tea, crème brûlée, Größe")
    before = figure.yaxis.get_label().get_fontfamily()
    save(figure, tmp_path / "plot.png")
    assert figure.yaxis.get_label().get_fontfamily() == before


def test_fonts_that_draw_boxes_for_everything_are_not_asked():
    assert not any(name.startswith("Last Resort") for name, _ in letters.installed())


def test_a_font_that_was_installed_after_matplotlib_made_its_list_is_found(monkeypatch):
    system = set(findSystemFonts())
    readable = (path for path in sorted(system) if path.endswith((".ttf", ".otf", ".ttc")))
    letters_of = (chr(code) for path in readable for code in sorted(get_font(path).get_charmap()))
    letter = next((letter for letter in letters_of if letters.missing_letters(letter)), None)
    if letter is None:
        pytest.skip("no font of this machine has a letter that the usual one lacks")
    stale = [font for font in letters.fontManager.ttflist if font.fname not in system]
    monkeypatch.setattr(letters.fontManager, "ttflist", stale)
    for cached in (letters.newly_installed, letters.font_with):
        cached.cache_clear()
    assert letters.font_with(frozenset(letter)) is not None
    for cached in (letters.newly_installed, letters.font_with):
        cached.cache_clear()


def test_the_words_of_pictures_stay_english_where_no_font_has_the_letters_of_a_language(monkeypatch):
    monkeypatch.setattr(letters, "font_with", lambda lacking: None)
    letters.written_in.cache_clear()
    with pytest.warns(DataWarning, match=r"the words in plots stay English: no installed font has the letters of 'zh'"):
        words = letters.written_in("zh")
    letters.written_in.cache_clear()
    assert words("plot.cutoff") == "cutoff"
