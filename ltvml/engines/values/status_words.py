"""Words of status and event columns: which names speak of a state, and which values say that a row is no purchase."""

from __future__ import annotations

import re

# within a name, whatever stands around them: Bestellstatus, payment_status, 订单状态
_PARTS = ("status", "statut", "estado", "situac", "situaç", "zustand", "ereignis", "event", "evento", "événement")
_CHINESE_PARTS = ("状态", "狀態", "类型", "類型", "事件", "行为", "行為")
_WHOLE = frozenset({"state", "type", "typ", "tipo", "etat", "état", "action", "behavior", "behaviour", "belegart"})

# what is sent, agreed to or reviewed later may be pending or cancelled while the order is paid
_OF_OTHERS = (
    *(
        "fulfil",
        "shipping",
        "shipment",
        "deliver",
        "liefer",
        "versand",
        "livraison",
        "expedition",
        "expédition",
        "envio",
    ),
    *("envío", "entrega", "物流", "发货", "配送", "marketing", "newsletter", "email", "consent", "review", "subscri"),
    *("customer", "kunden", "cliente", "product", "produkt", "produit", "card", "device"),
)

# sure enough to leave the row out; what may also be a sale (on hold, returned, processing) is not here
_ENGLISH = (
    "cancelled", "canceled", "voided", "void", "failed", "failure", "payment failed", "pending", "pending payment",
    "payment pending", "awaiting payment", "unpaid", "refunded", "fully refunded", "expired", "abandoned", "declined",
    "denied", "rejected", "draft", "checkout draft", "trash", "deleted", "fraud", "test", "view", "viewed",
    "page view", "pageview", "product view", "view item", "item view", "cart", "add to cart", "addtocart", "remove",
    "remove from cart", "removed from cart", "begin checkout", "wishlist", "add to wishlist", "click", "pv", "fav",
)  # fmt: skip
_GERMAN = (
    "storniert", "storno", "abgebrochen", "fehlgeschlagen", "abgelehnt", "erstattet", "ausstehend", "unbezahlt",
    "zahlung ausstehend", "warenkorb", "entwurf", "testbestellung", "abgelaufen",
)  # fmt: skip
_FRENCH = (
    "annulé", "annulée", "annule", "annulee", "échoué", "échouée", "echoue", "remboursé", "remboursée", "rembourse",
    "en attente", "en attente de paiement", "expiré", "expirée", "abandonné", "abandonnée", "refusé", "refusée",
    "brouillon", "panier",
)  # fmt: skip
_SPANISH = (
    "cancelado", "cancelada", "anulado", "anulada", "fallido", "fallida", "pendiente", "pendiente de pago",
    "reembolsado", "reembolsada", "rechazado", "rechazada", "caducado", "abandonado", "abandonada", "prueba",
    "borrador", "carrito",
)  # fmt: skip
_PORTUGUESE = (
    "falhou", "falhado", "pendente", "aguardando pagamento", "estornado", "estornada", "recusado", "recusada",
    "expirado", "expirada", "teste", "rascunho", "carrinho",
)  # fmt: skip
_CHINESE = (
    "交易关闭", "交易關閉", "已取消", "订单取消", "退款成功", "已退款", "已关闭", "已關閉", "未付款", "待付款",
    "等待买家付款", "交易失败", "支付失败", "测试", "浏览", "加购", "加购物车", "收藏", "已作废",
)  # fmt: skip
NOT_A_PURCHASE = frozenset({*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_PORTUGUESE, *_CHINESE})
"""Values that say that a row is no purchase: lower-cased, with blanks for `_` and `-`."""
# cancelled by customer, storniert (Kunde): the first word is enough
_UNPAID = re.compile(
    r"(await|waiting|wartet?|warten|en attente|a la espera|aguardando)\b.*\b"
    r"(payment|wire|check|cheque|zahlung|paiement|chèque|virement|pago|pagamento)"
    r"|payment (error|fail|declin|refus|denied|expired)|zahlungs?(fehler| fehlgeschlagen| abgelehnt)"
    r"|(erreur|échec) (de|du) paiement|error (de|en el) pago|erro (de|no) pagamento|not paid|nicht bezahlt|non payé"
)
_OPENINGS = frozenset({"cancelled", "canceled", "voided", "storniert", "annulé", "annulée", "cancelado", "cancelada"})


def speaks_of_status(name: str) -> bool:
    """Whether the name of a column says status, state, type or event, in one of six languages.

    Examples
    --------
    >>> [speaks_of_status(name) for name in ("Financial Status", "eventType", "Bestellstatus", "sku", "状态")]
    [True, True, True, False, True]
    >>> speaks_of_status("Lineitem fulfillment status")
    False
    """
    folded = name.casefold()
    if any(part in folded for part in _OF_OTHERS):
        return False
    if any(part in folded for part in (*_PARTS, *_CHINESE_PARTS)):
        return True
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", " ", name)
    return not _WHOLE.isdisjoint(spaced.casefold().split())


def is_no_purchase(value: str) -> bool:
    """Whether a value of such a column says clearly that the row is no purchase.

    Examples
    --------
    >>> [is_no_purchase(value) for value in ("Cancelled", "add_to_cart", "paid", "partially_refunded", "交易关闭")]
    [True, True, False, False, True]
    >>> is_no_purchase("Awaiting bank wire payment"), is_no_purchase("Awaiting fulfillment")
    (True, False)
    """
    words = re.sub(r"[\s_-]+", " ", value).strip().casefold()
    if _UNPAID.search(words):
        return True
    return words in NOT_A_PURCHASE or re.split(r"\W+", words, maxsplit=1)[0] in _OPENINGS
