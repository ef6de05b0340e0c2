"""MBG/CNBD-k: Platzer & Reutterer (2016): the BG/CNBD-k whose customers may leave after the first purchase too."""

from __future__ import annotations

from ltvml.models.purchase.bg_cnbd import BGCNBD


class MBGCNBD(BGCNBD):
    """Modified BG/CNBD-k: regular buyers who may leave after every purchase, the first included."""

    name = "mbg_cnbd"
    leaves_after_first = True
