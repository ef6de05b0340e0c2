"""Make the copy of Online Retail II that ships inside the package.

    python tools/build_online_retail.py SOURCE [TARGET]

SOURCE is the folder with `transactions.parquet` and `product_descriptions.parquet` (both sheets of the workbook, with
flags); TARGET is `ltvml/datasets/files` by default. Prints sizes and the share of lines with a named family.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from families import OTHER, family_of

TARGET = Path(__file__).resolve().parents[1] / "ltvml" / "datasets" / "files"
LARGEST = 4_000_000  # bytes that the wheel may spend on this shop

# sorted so that equal neighbours compress; every column is a key, so that the same rows always give the same file
LINES = """
    SELECT customer_id, order_id, order_date::TIMESTAMP_MS AS order_date, product_id, quantity,
           round(amount, 2) AS amount, is_adjustment, is_non_product
    FROM read_parquet(?) WHERE NOT dup_sheet_overlap
    ORDER BY order_date, order_id, quantity, amount, product_id, customer_id
"""

# stock clerks wrote notes ("check", "damaged") into the description in lower case: prefer what is in capitals
PRODUCTS = """
    SELECT product_id, arg_max(description, (description = upper(description), n, description)) AS description
    FROM read_parquet(?) GROUP BY product_id
"""
CODES = "SELECT DISTINCT product_id FROM read_parquet(?) WHERE NOT dup_sheet_overlap AND product_id IS NOT NULL"


def build(source: Path, target: Path) -> dict[str, float]:
    """Write both tables; returns the bytes written and the share of product lines in a named family."""
    lines = duckdb.execute(LINES, [str(source / "transactions.parquet")]).to_arrow_table()
    products = product_families(source)
    target.mkdir(parents=True, exist_ok=True)
    write_lines(lines, target / "transactions.parquet")
    pq.write_table(products, target / "products.parquet", compression="zstd", compression_level=22)
    return {"bytes": sum(path.stat().st_size for path in target.iterdir()), "named": named_share(lines, products)}


def product_families(source: Path) -> pa.Table:
    """One row a product code: product_id, description, category."""
    sql = f"SELECT product_id, description FROM ({CODES}) LEFT JOIN ({PRODUCTS}) USING (product_id) ORDER BY product_id"
    files = [str(source / "transactions.parquet"), str(source / "product_descriptions.parquet")]
    table = duckdb.execute(sql, files).to_arrow_table()
    return table.append_column("category", [[family_of(text) for text in table["description"].to_pylist()]])


def write_lines(lines: pa.Table, path: Path) -> None:
    """One row group, the sorted columns as differences: a fifth smaller than the defaults."""
    pq.write_table(
        lines,
        path,
        compression="zstd",
        compression_level=22,
        use_dictionary=["customer_id", "product_id", "quantity", "amount"],
        column_encoding={"order_date": "DELTA_BINARY_PACKED", "order_id": "DELTA_BYTE_ARRAY"},
        row_group_size=lines.num_rows,
        data_page_size=1 << 24,
        dictionary_pagesize_limit=1 << 24,
    )


def named_share(lines: pa.Table, products: pa.Table) -> float:
    """Share of product lines whose family is not `other`."""
    goods = lines.filter(pc.invert(lines["is_non_product"])).join(products, "product_id")
    return 1 - int(pc.sum(pc.equal(goods["category"], OTHER)).as_py()) / int(goods.num_rows)


def main(arguments: list[str]) -> int:
    """Build, print, and refuse a copy that is too large to ship."""
    if len(arguments) not in (1, 2):
        sys.stderr.write(__doc__ or "")
        return 2
    result = build(Path(arguments[0]), Path(arguments[1]) if len(arguments) == 2 else TARGET)
    sys.stdout.write(f"{result['bytes']:,} bytes, {result['named']:.1%} of the product lines in a named family\n")
    return 0 if result["bytes"] <= LARGEST else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
