"""Every recipe of docs/your_file.md gives the orders that its files hold."""

from __future__ import annotations

import re
import sqlite3
import zipfile
from pathlib import Path

import pytest

from ltvml.config import Config
from ltvml.config.loading import parse_yaml
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps
from ltvml.window import date_of

PAGE = Path(__file__).parents[2] / "docs" / "your_file.md"
RECIPES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
# customer 007 spends 10 in January and 5 in February, customer José 20 in January
READ = [("007", "2024-01-10", 10.0), ("007", "2024-02-11", 5.0), ("José", "2024-01-10", 20.0)]
PLAIN = "customer_id,order_date,amount\n007,2024-01-10,10\n007,2024-02-11,5\nJosé,2024-01-10,20\n"
ORDERS = "order_id,customer,created,total\n1,007,2024-01-10,10\n2,007,2024-02-11,5\n3,José,2024-01-10,20\n"
ITEMS = "order_id,sku,price,quantity\n1,a,3,2\n1,b,4,1\n2,a,5,1\n3,c,10,2\n"
LINES = """customer,created,order_id,sku,total
007,2024-01-10,1,a,10
007,2024-01-10,1,b,10
007,2024-02-11,2,a,5
José,2024-01-10,3,c,20
"""
FILES = {
    "orders.csv": ORDERS,
    "items.csv": ITEMS,
    "lines.csv": LINES,
    "payments.csv": "order_id,value\n1,6\n1,4\n2,5\n3,20\n",
    "events.csv": "event_time,event_type,user_id,price\n"
    "2024-01-10,view,007,99\n2024-01-10,purchase,007,10\n2024-02-11,purchase,007,5\n2024-01-10,purchase,José,20\n",
    "visits.csv": "member,day\n007,2024-01-10\n007,2024-02-11\nJosé,2024-01-10\n",
    "refunds.csv": "order_id,customer,refunded,total\n3,José,2024-01-10,2\n",
    "months.csv": "customer,2024-01,2024-02\n007,10,5\nJosé,20,0\n",
    "nested.jsonl": '{"customer": {"id": "007"}, "created": "2024-01-10", "payment": {"net": 10}}\n'
    '{"customer": {"id": "007"}, "created": "2024-02-11", "payment": {"net": 5}}\n'
    '{"customer": {"id": "José"}, "created": "2024-01-10", "payment": {"net": 20}}\n',
    "lists.jsonl": '{"customer_id": "007", "created": "2024-01-10", "items": [{"price": 3, "quantity": 2}, '
    '{"price": 4, "quantity": 1}]}\n'
    '{"customer_id": "007", "created": "2024-02-11", "items": [{"price": 5, "quantity": 1}]}\n'
    '{"customer_id": "José", "created": "2024-01-10", "items": [{"price": 10, "quantity": 2}]}\n',
    "no_header.csv": "007,2024-01-10,a,10\n007,2024-02-11,a,5\nJosé,2024-01-10,c,20\n",
    "report.csv": f"Orders of the shop\nmade,2024-03-01\n\n{PLAIN}",
    "fixed.txt": "".join(f"{who:<10}{day:<12}{paid:>10}\n" for who, day, paid in READ),
    "exports/a.csv": PLAIN,
    "exports/b.csv": PLAIN.replace(",", ";"),
}
# what a recipe changes: purchases are counted, an order is refunded in part, and months begin on their first day
UNLIKE = {
    "visits.csv": [(who, day, 1.0) for who, day, _ in READ],
    "refunds.csv": [*READ[:2], ("José", "2024-01-10", 18.0)],
    "months.csv": [(who, f"{day[:7]}-01", paid) for who, day, paid in READ],
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "western.csv").write_text(PLAIN, encoding="cp1252")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("orders.csv", PLAIN)
        archive.writestr("items.csv", ITEMS)
    connection = sqlite3.connect(tmp_path / "shop.sqlite")
    connection.execute("CREATE TABLE orders (customer_id TEXT, order_date TEXT, amount REAL)")
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", READ)
    connection.commit()
    connection.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_workbook(path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="no openpyxl: workbooks are not tested")
    pytest.importorskip("python_calamine", reason="no python-calamine: workbooks are not tested")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Orders")
    for row in [("customer_id", "order_date", "amount"), *READ]:
        sheet.append(row)
    book.save(path)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: re.findall(r"[\w.*/]+\.\w+", recipe)[0])
def test_a_recipe_gives_the_orders_of_its_files(shop: Path, recipe: str) -> None:
    if ".xlsx" in recipe:
        write_workbook(shop / "shop.xlsx")
    rows = next((rows for name, rows in UNLIKE.items() if name in recipe), READ)
    window = {"cutoff": max(day for _, day, _ in rows)}
    config = Config.model_validate(parse_yaml(recipe, name="recipe") | {"window": window})
    intake = read_orders(config.orders, config.window, None, Steps())
    days = intake.engine.collect(intake.days)
    found = sorted(
        (row["customer_id"], str(date_of(row["day"])), row["value"] / 100) for row in days.to_dict("records")
    )
    assert found == rows


def test_there_is_a_recipe_for_every_file() -> None:
    page = "".join(RECIPES)
    assert [name for name in FILES if name not in page and "/" not in name] == []
