"""BG/NBD: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).

While a customer, purchases come at a constant personal rate, lambda ~ Gamma(r, alpha). After each repeat purchase the
customer leaves with personal probability p ~ Beta(a, b); nobody leaves before the first repeat purchase.
"""

from __future__ import annotations

from ltvml.models.purchase.beta_geometric_model import BetaGeometricModel


class BGNBD(BetaGeometricModel):
    """Beta-geometric / negative binomial: a customer may leave after each repeat purchase."""

    name = "bg_nbd"
    leaves_after_first = False
