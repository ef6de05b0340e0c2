"""MBG/NBD: Batislam, Denizel & Filiztekin (2007), IJRM 24(3); Hoppe & Wagner (2007), Marketing JRM 3(2).

As the BG/NBD, but a customer may leave right after the first purchase too, so that one-time buyers are not all alive.
"""

from __future__ import annotations

from ltvml.models.purchase.bg_nbd import BGNBD


class MBGNBD(BGNBD):
    """Modified BG/NBD: a customer may leave after every purchase, the first included."""

    name = "mbg_nbd"
    leaves_after_first = True
