"""Exports in other languages, encodings and ways to write a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.exports.export import code, export, money, number, table
from tests.exports.shop import answer, orders, paid_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports.shop import Answer


@export(
    lambda: answer(number, net=False),
    setting="transactions.drop={Bestellstatus: [Storniert, Offen, Abgebrochen]}",
    says="Bestellstatus|Storniert",
)
def german_shop(folder: Path) -> str:
    """Semicolons, decimal commas, Windows-1252, a cancelled order beside."""
    header = (
        "Bestellnummer;Kundennummer;Kunde;Bestelldatum;Bestellstatus;Artikelnummer;Artikelbezeichnung;Menge;Gesamtpreis"
    )
    status = {"paid": "Abgeschlossen", "cancelled": "Storniert", "failed": "Abgebrochen", "pending": "Offen",
              "refunded": "Storniert"}  # fmt: skip
    rows = [
        [order.number, number(order.customer), f"Müller {order.customer}", f"{order.at:%d.%m.%Y}", status[order.status],
         line.sku, f"Größe {line.product}", line.quantity, money(line.total, ",")]
        for order in orders()
        for line in order.lines
    ]  # fmt: skip
    return table(folder / "bestellungen.csv", header.split(";"), rows, delimiter=";", encoding="cp1252", end="\r\n")


@export(lambda: answer(number), setting="transactions.decimal=,", says="decimal|thousands|1\\.")
def german_thousands(folder: Path) -> str:
    """`1.149,00 €`: a dot for the thousands, a comma for the cents; credit notes are negative."""
    rows = [
        [order.number, number(order.customer), f"{order.at:%d.%m.%Y %H:%M}", f"{money(order.total, ',', '.')} €"]
        for order in paid_orders()
    ]
    rows += [
        [order.number, number(order.customer), f"{order.refunded_on:%d.%m.%Y} 23:30",
         f"{money(-order.refund, ',', '.')} €"]
        for order in paid_orders()
        if order.refunded_on
    ]  # fmt: skip
    header = ["Rechnungsnummer", "Kundennummer", "Rechnungsdatum", "Betrag"]
    return table(folder / "rechnungen.csv", header, rows, delimiter=";")


@export(
    lambda: answer(number, net=False),
    setting="transactions.drop={Statut: [Annulée, En attente, Échouée, Remboursée]}",
    says="Statut|Montant",
)
def french_shop(folder: Path) -> str:
    """A narrow blank for the thousands, accents in Windows-1252."""
    header = ["N° commande", "Identifiant client", "Date de commande", "Statut", "Montant total"]
    status = {"paid": "Terminée", "cancelled": "Annulée", "failed": "Échouée", "pending": "En attente",
              "refunded": "Remboursée"}  # fmt: skip
    rows = [
        [order.number, number(order.customer), f"{order.at:%d/%m/%Y}", status[order.status],
         money(order.total, ",", "\xa0")]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "commandes.csv", header, rows, delimiter=";", encoding="cp1252")


@export(
    lambda: answer(number, net=False),
    setting="transactions.drop={Estado: [Cancelado, Pendiente, Fallido, Reembolsado]}",
    says="Estado|Importe",
)
def spanish_shop(folder: Path) -> str:
    header = ["Número de pedido", "ID cliente", "Fecha de pedido", "Estado", "Importe"]
    status = {"paid": "Completado", "cancelled": "Cancelado", "failed": "Fallido", "pending": "Pendiente",
              "refunded": "Reembolsado"}  # fmt: skip
    rows = [
        [order.number, number(order.customer), f"{order.at:%d/%m/%Y %H:%M:%S}", status[order.status],
         f"{money(order.total, ',')} €"]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "pedidos.csv", header, rows, delimiter=";")


@export(
    lambda: answer(number, net=False),
    setting="transactions.drop={Situação: [Cancelado, Pendente, Recusado, Reembolsado]}",
    says="Situa|Valor",
)
def portuguese_shop(folder: Path) -> str:
    header = ["Número do pedido", "Código do cliente", "Data do pedido", "Situação", "Valor total"]
    status = {"paid": "Entregue", "cancelled": "Cancelado", "failed": "Recusado", "pending": "Pendente",
              "refunded": "Reembolsado"}  # fmt: skip
    rows = [
        [order.number, number(order.customer), f"{order.at:%d/%m/%Y}", status[order.status],
         f"R$ {money(order.total, ',', '.')}"]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "pedidos.csv", header, rows, delimiter=";")


@export(lambda: answer(number), says="amount|UnitPrice|Price", setting="transactions.encoding=cp1252")
def online_retail(folder: Path) -> str:
    """The best-known retail file of the field: price and quantity, C-invoices, latin-1, rows without a customer."""
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    rows: list[list[object]] = []
    for order in paid_orders():
        at = f"{order.at.month}/{order.at.day}/{order.at:%Y} {order.at.hour}:{order.at:%M}"
        for line in order.lines:
            rows.append(
                [f"5{order.number:05}", f"{20000 + line.product}", f"BOX OF £{line.product} CAFÉ", line.quantity, at,
                 money(line.price), number(order.customer), "United Kingdom"]
            )  # fmt: skip
        if order.refunded_on:
            on = f"{order.refunded_on.month}/{order.refunded_on.day}/{order.refunded_on:%Y} 23:05"
            rows.append(
                [f"C5{order.number:05}", f"{20000 + order.lines[0].product}", "DISCOUNT", -1, on, money(order.refund),
                 number(order.customer), "United Kingdom"]
            )  # fmt: skip
    rows += [
        [f"5{place:05}", "20001", "CASH SALE", 1, "6/6/2025 12:00", "3.50", "", "United Kingdom"] for place in range(80)
    ]
    return table(folder / "data.csv", header, rows, encoding="latin-1")


@export(lambda: answer(code, net=False), setting='transactions.thousands="\'"', says="thousands|Betrag")
def swiss_shop(folder: Path) -> str:
    """`1'149.00`, with CHF before it."""
    rows = [
        [order.number, code(order.customer), f"{order.at:%d.%m.%Y}", f"CHF {money(order.total, '.', chr(39))}"]
        for order in paid_orders()
    ]
    return table(folder / "bestellungen.csv", ["Bestell-Nr.", "Kunden-Nr.", "Datum", "Betrag"], rows, delimiter=";")


@export(lambda: answer(code, net=False), setting="transactions.date_format=%Y年%m月%d日", says="date|日期")
def chinese_shop(folder: Path) -> str:
    rows = [
        [order.number, code(order.customer), f"{order.at.year}年{order.at.month}月{order.at.day}日",
         f"￥{money(order.total, '.', ',')}"]
        for order in paid_orders()
    ]  # fmt: skip
    return table(folder / "订单.csv", ["订单号", "客户编号", "下单日期", "实付金额"], rows, encoding="utf-8-sig")


def _cents_as_units() -> Answer:
    return answer(code, value=lambda order: 100 * (1000 + order.total))


@export(_cents_as_units, setting="transactions.thousands=.", says="thousands|decimal")
def three_digits(folder: Path) -> str:
    """Three digits after the one dot of every amount: 2.536 is 2 or 2,536, and only the shop knows."""
    rows = [
        [order.number, code(order.customer), order.day, f"{1000 + order.total:,}".replace(",", ".")]
        for order in paid_orders()
        if order.total < 900_000
    ]
    assert len(rows) == len(paid_orders())
    return table(folder / "orders.csv", "order_id,customer_id,order_date,amount", rows)


@export(lambda: answer(code, net=False), setting="transactions.thousands=','", says="thousands")
def english_thousands(folder: Path) -> str:
    """`1,234.50` in one row of thirteen: the largest orders of the shop."""
    rows = [[order.number, code(order.customer), order.day, money(order.total, ".", ",")] for order in paid_orders()]
    return table(folder / "orders.csv", "order_id,customer_id,order_date,amount", rows)


@export(lambda: answer(code, net=False), setting="transactions.thousands=','", says="thousands")
def few_thousands(folder: Path) -> str:
    """The same where it is one row in fifty, below any limit on rows."""
    rows: list[list[object]] = [
        [order.number, code(order.customer), order.day, money(order.total, ".", "," if order.total > 350_000 else "")]
        for order in paid_orders()
    ]
    return table(folder / "orders.csv", "order_id,customer_id,order_date,amount", rows)


def _signed(folder: Path, write: object) -> str:
    rows = [
        [order.number, code(order.customer), order.day, write(cents)]
        for order in paid_orders()
        for cents in (order.total, -order.refund)
        if cents
    ]
    return table(folder / "orders.csv", "order_id,customer_id,order_date,amount", rows)


@export(lambda: answer(code), says="amount")
def currency_signs(folder: Path) -> str:
    return _signed(folder, lambda cents: f"-${money(-cents)}" if cents < 0 else f"${money(cents)}")


@export(lambda: answer(code), says="amount")
def parentheses(folder: Path) -> str:
    return _signed(folder, lambda cents: f"({money(-cents)})" if cents < 0 else money(cents))


@export(lambda: answer(code), says="amount")
def trailing_minus(folder: Path) -> str:
    return _signed(folder, lambda cents: f"{money(-cents)}-" if cents < 0 else money(cents))


@export(lambda: answer(code), says="amount")
def unicode_minus(folder: Path) -> str:
    return _signed(folder, lambda cents: f"\u2212{money(-cents)} EUR" if cents < 0 else f"{money(cents)} EUR")
