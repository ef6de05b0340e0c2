"""Names that shops give to the columns we need, in six languages."""

from __future__ import annotations

import re
import unicodedata

# letters and digits only, without accents
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    ours: tuple(names.split())
    for ours, names in {
        "customer_id": """
            customerid customeruniqueid custid customerno customernumber clientid userid memberid buyerid
            shopperid householdid accountid contactid customercode customerref customeruser loyaltyid cardnumber
            shopuserid userpseudoid fullvisitorid visitorid payerid profileid kundennummer kundennr kundenid
            kdnr debitorennummer debitor codeclient idclient numeroclient numclient noclient nclient
            referenceclient refclient idcliente clienteid codigocliente codigodocliente codcliente numerocliente
            numcliente nrocliente idusuario 买家会员名 会员编号 会员id 会员号 客户编号 客户id 用户id 用户编号
            顾客编号 买家id 会员名 买家昵称 buyerusername buyeruserid customer cust client user member buyer
            household account kunde kundin cliente usuario comprador acheteur 客户 用户 买家 顾客 customeremail
            customeremailaddress buyeremail billingemail billingemailaddress emailbilling kundenemail
            emailaddress fromemailaddress email emailadresse adresseemail courriel correoelectronico correo cpf
            cpfcnpj 手机号 邮箱 customername kundenname kundename clientname buyername nomclient nomduclient
            nombrecliente nomecliente nomedocliente 买家姓名
        """,
        "order_date": """
            orderdate orderts ordertimestamp orderedat orderdatetime orderpurchasetimestamp saledate salesdate
            invoicedate purchasedate purchasets purchasetimestamp transactiondate purchasedat
            transactiontimestamp createdat createdutc createddate created datecreated purchasepoint
            ordercreatedat placedat placedon purchasedon soldon bestelldatum auftragsdatum kaufdatum bestellzeit
            bestelltam rechnungsdatum belegdatum buchungsdatum erstelltam datedecommande datecommande dateachat
            datedachat datefacture datedefacture datevente datedevente datecreation fechadepedido fechapedido
            fechadelpedido fechacompra fechadecompra fechaventa fechadeventa fechafactura fechadefactura
            datadopedido datapedido datadacompra datacompra datadavenda datavenda datadeemissao 订单创建时间
            下单时间 下单日期 订单日期 购买时间 成交时间 交易时间 交易日期 订单付款时间 付款时间 支付时间
            创建时间 date datetime timestamp ts day datum fecha data 日期 时间 zeitstempel horodatage eventtime
            eventdate eventtimestamp paidat paidon paiddate paymentdate datepaid completedat time month
        """,
        "amount": """
            amount netamount lineamount linetotal netvalue net salesvalue netsales orderamount ordervalue
            ordertotal ordertotalamount ordernet revenue purchaserevenue turnover sales totalamount totalprice
            totalpaid amountpaid paidamount grandtotal total value spend linenet lineprice lineitemtotal
            extendedprice itemtotal totalsales transactionamount paymentvalue grosssales gross paid nettobetrag
            betrag gesamtbetrag bruttobetrag rechnungsbetrag bestellwert gesamtsumme gesamtpreis warenwert
            nettoumsatz umsatz summe gesamt endbetrag montantht montant montantttc montanttotal prixtotal
            totalht totalttc chiffredaffaires importe importetotal importeneto monto montototal preciototal
            ventas totalpedido valortotal valordopedido valorpago valorliquido valor precototal receita
            买家实际支付金额 买家实付金额 实付金额 实付款 实收金额 支付金额 付款金额 成交金额 订单金额 交易金额
            总金额 金额 销售额 netto brutto subtotal
        """,
        "order_id": """
            orderid orderno ordernumber basketid invoiceid invoiceno invoicenumber invoice transactionid
            receiptid receiptnumber ticketid order basket receipt ticket orderref orderreference incrementid
            billno bestellnummer bestellnr bestellid auftragsnummer auftragsnr rechnungsnummer rechnungsnr
            belegnummer belegnr numerodecommande numerocommande ncommande nodecommande idcommande
            referencecommande numcommande commande numerodefacture nodepedido numerofacture facture
            numerodepedido numeropedido numerodopedido npedido idpedido numpedido nropedido codigodopedido
            pedido numerofactura factura notafiscal 主订单编号 订单编号 订单号 订单id 交易编号 交易号 流水号
            单号
        """,
        "product_id": """
            productid sku lineitemsku itemsku stockcode itemid articleid productcode itemcode asin ean upc
            product item article productsku artikelnummer artikelnr artnr artikelid artikel produktnummer
            produktid produkt referenceproduit refproduit idproduit codearticle codeproduit produit idproducto
            codigoproducto codigodeproducto producto codigoarticulo articulo idproduto codigoproduto
            codigodoproduto codproduto produto 商品编码 商品编号 商品id 货号 商家编码 产品编号 宝贝id 商品
            商品名称 宝贝标题 lineitemname itemname productname itemtitle producttitle
        """,
        "category": """
            category productcategory cat productgroup family department kategorie warengruppe categorie
            categoria 商品类目 商品分类 类目 品类 分类
        """,
        "item_name": """
            productname itemname lineitemname producttitle itemtitle productdescription itemdescription description
            artikelbezeichnung produktname produktbezeichnung bezeichnung artikelname beschreibung designation
            nomproduit nomduproduit libelle libelleproduit nombreproducto nombredelproducto descripcion nomeproduto
            nomedoproduto descricao descricaodoproduto 商品名称 商品标题 宝贝标题 宝贝名称 产品名称 商品名 品名
            货品名称
        """,
        "quantity": """
            quantity qty units pieces lineitemquantity itemquantity quantitypurchased menge quantityshipped
            anzahl stueckzahl stuckzahl quantite qte cantidad cant unidades quantidade qtd qtde 购买数量
            商品数量 数量 件数
        """,
        "unit_price": """
            unitprice priceperunit itemprice lineitemprice price einzelpreis stuckpreis preis prixunitaire prix
            preciounitario precio precounitario valorunitario preco 单价 价格
        """,
        "cost": """
            linecost cost cogs einkaufspreis kosten coutdachat cout coste custo 成本
        """,
        "discount": """
            discountamount discount rebate lineitemdiscount rabatt remise descuento desconto 优惠金额
        """,
        "channel": """
            channel saleschannel vertriebskanal verkaufskanal kanal canal 销售渠道 渠道
        """,
        "country": """
            country countryname customercountry shippingcountry shipcountry billingcountry countrycode land
            pays pais paese 国家
        """,
        "currency": """
            currency currencycode ccy ordercurrency wahrung waehrung devise moneda moeda 币种 货币
        """,
        "refund": """
            refundedamount amountrefunded refundamount refund refunds refunded totalrefunded gutschrift
            refundtotal erstattungsbetrag erstatteterbetrag erstattung montantrembourse remboursement
            importereembolsado reembolso valorreembolsado valorestornado estorno 退款金额
        """,
        "order_time": """
            ordertime saletime transactiontime time uhrzeit zeit bestellzeit heure hora 时间
        """,
    }.items()
}
"""Our column: what shops call it, the most telling name first."""
OTHER_DATES = frozenset(
    {
        *("birth", "birthday", "updated", "modified", "due", "shipped", "ship", "shipping", "delivery", "delivered"),
        *("signup", "expiry", "expires", "cancelled", "canceled", "refunded", "fulfilled", "estimated", "approved"),
        *("carrier", "limit", "registered", "registration", "geburtsdatum", "naissance", "nacimiento", "nascimento"),
        *(
            "lieferdatum",
            "versanddatum",
            "livraison",
            "expedition",
            "entrega",
            "envio",
            "sent",
            "reporting",
            "available",
        ),
        *("period", "start", "end", "finalized", "payout", "transfer", "dispatch"),
    }
)
"""Words of dates that are not those of an order."""
OTHER_NUMBERS = frozenset({"tax", "taxes", "fee", "fees", "shipping", "tip", "tips", "balance", "mwst", "tva", "iva"})
"""Words of money that is not the value of an order."""


_QUALIFIERS = frozenset(
    {"brutto", "gross", "incl", "inkl", "excl", "exkl", "ttc", "usd", "eur", "gbp", "chf", "cny", "utc", "gmt", "local"}
)
_WITH = frozenset({"incl", "inkl", "including", "inc", "excl", "exkl", "excluding", "ex", "hors", "sin", "con", "zzgl"})
_TAX_WORDS = 2
_TAXES = frozenset({"tax", "taxes", "vat", "mwst", "ust", "tva", "taxe", "iva", "gst"})


def letters(name: str) -> str:
    """A name without accents, in small letters and digits only.

    Examples
    --------
    >>> letters("N° de Commande"), letters("Größe"), letters("订单编号 ")
    ('ndecommande', 'grosse', '订单编号')
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return "".join(letter for letter in plain.casefold() if letter.isalnum())


def words_of(name: str) -> list[str]:
    """Words of a name in small letters, without accents: `CustomerID` and `customer_id` are both customer, id.

    Examples
    --------
    >>> words_of("CustomerID"), words_of("Created (UTC)"), words_of("Numéro client")
    (['customer', 'id'], ['created', 'utc'], ['numero', 'client'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", " ", name)
    return [word for word in map(letters, spaced.split()) if word]


def likeness(ours: str, name: str) -> float:
    """How much a name is like ours: 1 to 2 for the whole of it, up to 1 for its last words, 0 for not at all.

    Examples
    --------
    >>> likeness("customer_id", "Customer ID"), likeness("amount", "colour")
    (2.0, 0.0)
    """
    words = _unqualified(words_of(name))
    if _is_another(ours, words):
        return 0.0
    known = KNOWN_NAMES[ours]
    for start in range(len(words)):
        ending = "".join(words[start:])
        if ending in known:
            return (2.0 if start == 0 else 1.0) - known.index(ending) / 200
    return 0.0


def _unqualified(words: list[str]) -> list[str]:
    """Words of a name without what only qualifies it: Total incl. VAT (EUR) is a total."""
    while len(words) > 1 and words[-1] in _QUALIFIERS:
        words = words[:-1]
    taxed = len(words) > _TAX_WORDS and words[-1] in _TAXES and words[-2] in _WITH
    return words[:-_TAX_WORDS] if taxed else words


def _is_another(ours: str, words: list[str]) -> bool:
    """Whether a word of the name says that it is of another kind than ours."""
    if ours in {"order_date", "order_time"}:
        return not OTHER_DATES.isdisjoint(words)
    return ours in {"amount", "unit_price", "cost"} and not OTHER_NUMBERS.isdisjoint(words)
