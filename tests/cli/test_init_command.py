"""The command init, with its exit codes."""

from __future__ import annotations

import json
from pathlib import Path


def test_a_file_that_is_understood_ends_with_0_and_the_next_command(ltvml):
    Path("orders.csv").write_text(
        "customer_id,order_date,amount\na,2024-01-05,1.00\nb,2024-01-06,2.00\n", encoding="utf-8"
    )
    result = ltvml("init", "orders.csv", "--out", "shop.yaml")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "Wrote shop.yaml. Next: ltvml validate --config shop.yaml",
    )
    assert ltvml("validate", "--config", "shop.yaml").exit_code == 0


def test_what_is_missing_ends_with_3_and_what_to_write(ltvml):
    Path("orders.csv").write_text("order_date,amount\n2024-01-05,1.00\n2024-01-06,2.00\n", encoding="utf-8")
    result = ltvml("init", "orders.csv", "--out", "shop.yaml")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (3, "see above what to write.")
    assert "transactions.columns.customer_id" in result.stdout


def test_json_holds_what_was_found(ltvml):
    rows = "".join(f"c{at % 5},2024-01-{at + 1:02},1.00,{('paid', 'failed')[at % 2]}\n" for at in range(20))
    Path("orders.csv").write_text(f"customer_id,order_date,amount,status\n{rows}", encoding="utf-8")
    found = json.loads(ltvml("init", "orders.csv", "--out", "shop.yaml", "--json").stdout)
    assert (found["drop"], found["cutoff"], found["rows"]) == ({"status": ["failed"]}, "2024-01-20", 20)


def test_a_file_of_no_use_ends_with_3_and_writes_nothing(ltvml):
    header = "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"
    Path("orders.csv").write_text(f"{header}\n1,7,prior,1,2,10,7.0\n", encoding="utf-8")
    result = ltvml("init", "orders.csv", "--out", "shop.yaml")
    assert (result.exit_code, Path("shop.yaml").exists()) == (3, False)
    assert "which has no dates" in result.stderr
