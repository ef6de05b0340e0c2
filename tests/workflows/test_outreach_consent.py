"""Whoever refused is not contacted, however the table of opt-outs is written; what cannot be read is an error."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sqlite3
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltvml.inputs.tables.small_tables import read_table
from tests.conftest import CUTOFF, Place, shop_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from tests.mariadb import MySQLServer
    from tests.postgres import Server

REFUSING = 40


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Place(tmp_path_factory.mktemp("scored"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place.folder)
        place.write(shop_of(400))
        for command in ("fit", "score"):
            assert place.run(command).exit_code == 0
    return place.folder


@pytest.fixture
def shop(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    folder = shutil.copytree(scored, tmp_path / "shop")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return Place(folder)


@pytest.fixture(scope="module")
def refusing(scored: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Customers who would be contacted by e-mail, push, sms or phone if they had not refused."""
    folder = shutil.copytree(scored, tmp_path_factory.mktemp("asked") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        place = Place(folder)
        assert planned(place).exit_code == 0
    first = contacted(folder)[:REFUSING]
    assert len(first) == REFUSING
    return first


def planned(place: Place, **outreach: Any) -> Result:
    settings = {"capacity": 200, "holdout": 0, "channels": {"email": {}, "sms": {}}} | outreach
    place.configure("orders.csv", outreach=settings)
    return place.run("outreach", "--json")


def contacted(folder: Path = Path()) -> list[str]:
    plan = pd.read_parquet(folder / f"out/outreach/{CUTOFF}/outreach.parquet")
    return plan.loc[plan["suppressed_by"].isna(), "customer_id"].tolist()


def csv(rows: dict[str, Any], **options: Any) -> str:
    return pd.DataFrame(rows).to_csv(index=False, **options)


def rows_of(ids: list[str], line: Callable[[str], str], header: str = "customer_id,channel") -> str:
    return "\n".join([header, *map(line, ids)]) + "\n"


def as_xlsx(ids: list[str]) -> bytes:
    file = io.BytesIO()
    pd.DataFrame({"customer_id": ids, "channel": "all"}).to_excel(file, index=False)
    return file.getvalue()


def as_parquet(ids: list[str], **columns: Any) -> bytes:
    file = io.BytesIO()
    pd.DataFrame({"customer_id": ids}).assign(**columns).to_parquet(file, index=False)
    return file.getvalue()


def zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("opt_outs.csv", text)
    return file.getvalue()


READ: dict[str, Callable[[list[str]], str | bytes]] = {
    "no channel": lambda ids: csv({"customer_id": ids}),
    "all": lambda ids: csv({"customer_id": ids, "channel": "all"}),
    "ALL": lambda ids: csv({"customer_id": ids, "channel": " ALL "}),
    "star": lambda ids: csv({"customer_id": ids, "channel": "*"}),
    "any": lambda ids: csv({"customer_id": ids, "channel": "Any"}),
    "blank channel": lambda ids: csv({"customer_id": ids, "channel": "  "}),
    "written null": lambda ids: csv({"customer_id": ids, "channel": "NaN"}),
    "two channels": lambda ids: csv({"customer_id": ids, "channel": "E-Mail; SMS"}),
    "spelt otherwise": lambda ids: csv({"customer_id": ids * 2, "channel": ["E Mail"] * 40 + ["Text"] * 40}),
    "blank behind": lambda ids: csv({"customer_id": [f"{one} " for one in ids]}),
    "zeros lost": lambda ids: csv({"customer_id": [str(int(one)) for one in ids]}),
    "float ids": lambda ids: csv({"customer_id": [f"{int(one)}.0" for one in ids]}),
    "wide": lambda ids: csv({"customer_id": ids, "email_opt_out": "true", "sms_opt_out": "yes"}),
    "said as false consent": lambda ids: csv({"customer_id": ids, "Accepts Marketing": "no"}),
    "dated": lambda ids: csv({"customer_id": ids, "unsubscribed_at": "2020-05-01"}),
    "status": lambda ids: csv({"customer_id": ids, "status": ["unsubscribed", "bounced"] * 20}),
    "another header": lambda ids: csv({"Customer ID": ids, "Channel": "all"}),
    "user": lambda ids: csv({"user_id": ids, "reason": "too many, really"}),
    "semicolons": lambda ids: csv({"customer_id": ids, "channel": "all", "note": "a, b"}, sep=";"),
    "tabs": lambda ids: csv({"customer_id": ids, "channel": "all"}, sep="\t"),
    "pipes": lambda ids: csv({"customer_id": ids, "channel": "all"}, sep="|"),
    "sep line": lambda ids: "sep=;\n" + csv({"customer_id": ids, "channel": "all"}, sep=";"),
    "quotes": lambda ids: csv({"customer_id": ids, "channel": "all"}, quoting=1),
    "byte order mark": lambda ids: "\ufeff" + csv({"customer_id": ids, "channel": "all"}, quoting=1),
    "utf-16": lambda ids: csv({"customer_id": ids, "name": "Zoë"}).encode("utf-16"),
    "utf-16 without a mark": lambda ids: csv({"customer_id": ids, "name": "Zoë"}).encode("utf-16-le"),
    "cp1252": lambda ids: csv({"customer_id": ids, "name": "Zoë Müller"}).encode("cp1252"),
    "gbk": lambda ids: csv({"customer_id": ids, "channel": "全部", "name": "李雷"}).encode("gbk"),
    "old line ends": lambda ids: csv({"customer_id": ids, "channel": "all"}, lineterminator="\r"),
    "index written": lambda ids: pd.DataFrame({"customer_id": ids, "channel": "all"}).to_csv(),
    "trailing separators": lambda ids: rows_of(ids, lambda one: f"{one},all,,"),
    "gz": lambda ids: gzip.compress(csv({"customer_id": ids, "channel": "all"}).encode()),
    "zip": lambda ids: zipped(csv({"customer_id": ids, "channel": "all"})),
    "xlsx": as_xlsx,
    "parquet": lambda ids: as_parquet(ids, channel="ALL"),
    "parquet of numbers": lambda ids: as_parquet([int(one) for one in ids], channel=None),  # type: ignore[misc]
}
REFUSED: dict[str, tuple[Callable[[list[str]], str | bytes], str]] = {
    "unknown channel": (
        lambda ids: csv({"customer_id": ids, "channel": ["fax", "fax", *["email"] * 38]}),
        "channel holds 'fax' in lines 2, 3; expected one of email, sms, or all",
    ),
    "misspelt channel": (lambda ids: csv({"customer_id": ids, "channel": "emial"}), "did you mean email?"),
    "one cell more": (
        lambda ids: rows_of(ids, lambda one: f"{one},email,2020-01-01"),
        "line 2 has 3 cells; expected 2",
    ),
    "one cell more before": (lambda ids: rows_of(ids, lambda one: f"9,{one},email"), "line 2 has 3 cells; expected 2"),
    "one cell fewer": (
        lambda ids: rows_of(ids, lambda one: one if one == ids[3] else f"{one},all"),
        "line 5 has 1 cell; expected 2",
    ),
    "doubled column": (
        lambda ids: rows_of(ids, lambda one: f"9,{one}", "customer_id,customer_id"),
        "has the column customer_id more than once",
    ),
    "NUL": (lambda ids: rows_of(ids, lambda one: f"{one}\0,all"), "has a NUL byte in line 2"),
    "open quote": (lambda ids: rows_of(ids, lambda one: f'{one},"all' if one == ids[9] else f"{one},all"), "line "),
    "mixed encodings": (
        lambda ids: csv({"customer_id": ids, "name": "Zoë"}).encode() + f"{ids[0]},Zoë\n".encode("latin-1"),
        "is UTF-8 but for line 42",
    ),
    "unlike any customer": (
        lambda ids: csv({"customer_id": [f"X-{one}" for one in ids]}),
        "0 of 40 rows name a customer of the orders",
    ),
    "no ids": (lambda ids: csv({"who": ids, "unsubscribed": "true"}), "missing: customer_id"),
    "the ids elsewhere": (
        lambda ids: csv({"customer_id": [f"X-{one}" for one in ids], "user_id": ids}),
        "40 of 40 rows have one in the column user_id",
    ),
    "yes and no": (lambda ids: csv({"customer_id": ids, "email": ["true", "false"] * 20}), "does not say whether yes"),
    "a word of its own": (lambda ids: csv({"customer_id": ids, "opted_out": "perhaps"}), "holds 'perhaps' in lines 2,"),
    "rounded ids": (lambda ids: csv({"customer_id": ["1.2E+11", *ids]}), "line 2 were rounded by a spreadsheet"),
    "damaged gz": (
        lambda ids: gzip.compress(csv({"customer_id": ids}).encode())[:-12],
        "is damaged or not complete",
    ),
    "damaged parquet": (lambda ids: as_parquet(ids)[:-20], "is damaged"),
    "empty": (lambda ids: "", "is empty"),
    "a page": (lambda ids: "<html><body>Sign in</body></html>", "is HTML, XML or JSON"),
    "two sheets": (
        lambda ids: two_sheets(ids),
        "has 2 sheets with cells (old, new); expected one",
    ),
}


def two_sheets(ids: list[str]) -> bytes:
    file = io.BytesIO()
    with pd.ExcelWriter(file) as book:
        for name in ("old", "new"):
            pd.DataFrame({"customer_id": ids}).to_excel(book, sheet_name=name, index=False)
    return file.getvalue()


def written(content: str | bytes, name: str) -> str:
    endings = {"gz": ".csv.gz", "zip": ".zip", "xlsx": ".xlsx", "parquet": ".parquet"}
    path = Path(f"opt_outs{endings.get(name.split()[-1], '.csv')}")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.parametrize("name", READ)
def test_nobody_who_refused_is_contacted(shop: Place, refusing: list[str], name: str) -> None:
    result = planned(shop, opt_outs=written(READ[name](refusing), name))
    assert result.exit_code == 0, result.stderr
    assert not set(contacted()) & set(refusing)
    applied = json.loads(result.stdout)["restraint"]["opt_outs"]
    assert (applied["customers"], applied["matched"]) == (REFUSING, applied["rows"])
    assert applied["contacts_stopped"] == REFUSING


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_leaves_a_doubt_is_refused_with_its_line(shop: Place, refusing: list[str], name: str) -> None:
    content, words = REFUSED[name]
    result = planned(shop, opt_outs=written(content(refusing), name))
    assert result.exit_code == 3, result.stderr
    assert words in " ".join(result.stderr.split())
    assert not Path("out/outreach").exists()


def test_an_open_case_stops_whoever_has_one_and_a_closed_one_does_not(shop: Place, refusing: list[str]) -> None:
    Path("cases.csv").write_text(
        csv({"customer_id": refusing, "status": ["open", "In progress", "closed", "Resolved"] * 10})
    )
    result = planned(shop, open_cases="cases.csv")
    assert result.exit_code == 0, result.stderr
    given = json.loads(result.stdout)
    assert given["restraint"]["open_cases"] == {"rows": 20, "matched": 20, "customers": 20, "contacts_stopped": 20}
    assert "Open cases: 20 of 40 rows are closed by the column status." in given["missing"]
    assert set(contacted()) & set(refusing) == set(refusing[2::4] + refusing[3::4])


@pytest.mark.parametrize(
    ("column", "values"),
    [("opted_out", ["true", "false"]), ("accepts_marketing", ["", "yes"]), ("email_marketing", ["x", "y"])],
)
def test_consent_in_the_table_of_customers_is_honoured(
    shop: Place, refusing: list[str], column: str, values: list[str]
) -> None:
    Path("customers.csv").write_text(csv({"customer_id": refusing, column: values * 20}))
    shop.configure(
        "orders.csv",
        outreach={"capacity": 200, "holdout": 0, "channels": {"email": {}, "sms": {}}},
        customers={"source": "customers.csv"},
    )
    result = shop.run("outreach")
    assert result.exit_code == 0, result.stderr
    stopped = set() if column == "email_marketing" else set(refusing[::2])
    assert set(contacted()) & set(refusing) == set(refusing) - stopped
    known = " ".join(result.stdout.split())
    assert ("consent 20 of 20 rows name 20 customers; 20 contacts stopped" in known) == bool(stopped)


def test_the_counts_stand_in_the_report_and_in_the_manifest(shop: Place, refusing: list[str]) -> None:
    strangers = [f"{one:03}" for one in range(500, 570)]
    Path("opt_outs.csv").write_text(csv({"customer_id": refusing + strangers}))
    shop.configure("orders.csv", outreach={"capacity": 200, "holdout": 0, "opt_outs": "opt_outs.csv"})
    result = shop.run("outreach")
    assert result.exit_code == 0, result.stderr
    assert "40 of 110 rows name 40 customers; 40 contacts stopped" in result.stdout
    assert "opt_outs.csv: 40 of 110 rows name a customer of the orders" in " ".join(result.stderr.split())
    manifest = json.loads(Path(f"out/outreach/{CUTOFF}/manifest.json").read_text())
    assert manifest["restraint"]["opt_outs"]["rows"] == 110
    shop.configure("orders.csv")
    assert "none: outreach.opt_outs is not set" in shop.run("outreach").stdout


def test_opt_outs_of_a_larger_company_may_name_no_customer_of_the_shop(shop: Place) -> None:
    Path("opt_outs.csv").write_text(csv({"customer_id": [f"{one:03}" for one in range(500, 570)]}))
    result = planned(shop, opt_outs="opt_outs.csv")
    assert result.exit_code == 0, result.stderr
    assert "0 of 70 rows name a customer of the orders" in " ".join(result.stderr.split())


def test_a_log_of_contacts_counts_however_its_ids_and_channels_are_written(shop: Place, refusing: list[str]) -> None:
    Path("contacts.csv").write_text(
        csv({"Customer": [f"{int(one)}" for one in refusing], "channel": "E-Mail", "sent_at": "2020-12-30"})
        + f"{refusing[0]},letter,2020-12-30\n"
    )
    shop.configure(
        "orders.csv",
        contacts={"source": "contacts.csv"},
        outreach={
            "capacity": 200,
            "holdout": 0,
            "channels": {"email": {}},
            "caps": {"channel_7": {"email": 1}, "channel_28": {"email": 1}, "ignored": 0},
        },
    )
    result = shop.run("outreach", "--json")
    assert result.exit_code == 0, result.stderr
    given = json.loads(result.stdout)
    assert given["restraint"]["contacts"] == {"rows": 41, "matched": 41, "customers": 40, "contacts_stopped": 40}
    assert not set(contacted()) & set(refusing)
    assert any(
        "1 of 41 rows have a channel outreach.channels does not list ('letter')" in one for one in given["missing"]
    )


def test_a_log_of_contacts_of_others_is_warned_of(shop: Place) -> None:
    Path("contacts.csv").write_text(csv({"customer_id": ["x", "y"], "channel": "email", "sent_at": "2020-12-30"}))
    shop.configure("orders.csv", contacts={"source": "contacts.csv"})
    result = shop.run("outreach")
    assert result.exit_code == 0, result.stderr
    assert "0 of 2 rows name a customer of the orders" in " ".join(result.stderr.split())


def test_columns_of_customers_with_names_of_the_scores_are_named(shop: Place, refusing: list[str]) -> None:
    Path("customers.csv").write_text(csv({"customer_id": refusing, "churn_risk": 1, "city": "Ulm"}))
    shop.configure("orders.csv", customers={"source": "customers.csv"})
    result = shop.run("outreach", "--json")
    assert result.exit_code == 0, result.stderr
    assert any("rules read them as churn_risk_given" in one for one in json.loads(result.stdout)["missing"])


def test_who_unsubscribed_in_the_log_of_contacts_is_not_contacted(shop: Place, refusing: list[str]) -> None:
    rows = {
        "customer_id": refusing,
        "channel": "letter",
        "sent_at": "2020-06-01",
        "event": ["unsubscribed", "sent"] * 20,
    }
    Path("contacts.csv").write_text(csv(rows))
    shop.configure("orders.csv", contacts={"source": "contacts.csv"}, outreach={"capacity": 200, "holdout": 0})
    result = shop.run("outreach")
    assert result.exit_code == 0, result.stderr
    assert set(contacted()) & set(refusing) == set(refusing[1::2])
    assert "unsubscribed 20 of 20 rows name 20 customers; 20 contacts stopped" in " ".join(result.stdout.split())


def test_an_opt_out_of_any_id_of_a_person_is_that_of_the_person(shop: Place, refusing: list[str]) -> None:
    mails = [f"m{one}@x.org" for one in refusing]
    Path("pairs.csv").write_text(csv({"a": refusing, "b": mails}))
    Path("opt_outs.csv").write_text(csv({"email": [mail.upper() for mail in mails]}))
    shop.configure(
        "orders.csv",
        identities={"source": "pairs.csv"},
        outreach={"capacity": 200, "holdout": 0, "opt_outs": "opt_outs.csv"},
    )
    result = shop.run("outreach")
    assert result.exit_code == 0, result.stderr
    assert not set(contacted()) & set(refusing)
    assert "40 of 40 rows name 40 customers; 40 contacts stopped" in " ".join(result.stdout.split())


def test_validate_reads_the_tables_of_a_plan_and_refuses_what_it_would_refuse(shop: Place, refusing: list[str]) -> None:
    Path("opt_outs.csv").write_text(csv({"customer_id": refusing, "channel": "E-Mail"}))
    shop.configure("orders.csv", outreach={"opt_outs": "opt_outs.csv"})
    result = shop.run("validate")
    assert result.exit_code == 0, result.stderr
    assert "opt-outs   40 of 40 rows name 40 customers" in result.stdout
    given = json.loads(shop.run("validate", "--json").stdout)
    assert given["restraint"] == {"opt_outs": {"rows": 40, "matched": 40, "customers": 40}}
    Path("opt_outs.csv").write_text(csv({"customer_id": refusing, "channel": "fax"}))
    result = shop.run("validate")
    assert result.exit_code == 3
    assert "the column channel holds 'fax'" in " ".join(result.stderr.split())


# in a database


def values(ids: list[str]) -> str:
    return ", ".join(f"('{one}', 'all', NULL)" for one in ids)


def test_opt_outs_in_a_database_stop_the_contacts_that_those_of_a_file_stop(
    shop: Place, refusing: list[str], postgres: Server, mysql: MySQLServer
) -> None:
    columns = "(customer_id varchar(40), channel varchar(20), note date)"
    for server in (postgres, mysql):
        server.run(f"CREATE TABLE opt_outs {columns}", f"INSERT INTO opt_outs VALUES {values(refusing)}")
    with sqlite3.connect("crm.db") as connection:
        connection.execute(f"CREATE TABLE opt_outs {columns}")
        connection.execute(f"INSERT INTO opt_outs VALUES {values(refusing)}")
    connection.close()
    Path("opt_outs.csv").write_text(csv({"customer_id": refusing, "channel": "all", "note": None}))
    addresses = [postgres.url, mysql.url, "sqlite:///crm.db", "crm.db"]
    plans = []
    for source in ("opt_outs.csv", *(f"{address}::opt_outs" for address in addresses)):
        result = planned(shop, opt_outs=source)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["restraint"]["opt_outs"]["customers"] == REFUSING
        plans.append(contacted())
        shutil.rmtree("out/outreach")
    assert plans[1:] == [plans[0]] * len(addresses)
    assert not set(plans[0]) & set(refusing)


def test_long_numbers_with_a_blank_among_them_are_the_ids_that_they_are(shop: Place, postgres: Server) -> None:
    """A float would round 9007199254740993 to the id of another customer."""
    postgres.run("CREATE TABLE t (customer_id bigint)", "INSERT INTO t VALUES (9007199254740993), (NULL)")
    pq.write_table(pa.table({"customer_id": [9007199254740993, None]}), "t.parquet")
    for place in (f"{postgres.url}::t", "t.parquet"):
        assert read_table(place, "outreach.opt_outs")["customer_id"].tolist() == [9007199254740993, None]


def test_contacts_customers_and_products_in_a_database_give_the_plan_of_their_files(
    shop: Place, refusing: list[str], postgres: Server
) -> None:
    ids = pd.read_csv("orders.csv", dtype=str)["customer_id"].unique().tolist()
    log = ", ".join(f"('{one}', 'email', timestamptz '2020-12-30 09:00:00+00')" for one in refusing[:20])
    people = ", ".join(f"('{one}', {str(number % 9 > 0).lower()})" for number, one in enumerate(ids))
    postgres.run(
        "CREATE SCHEMA crm",
        "CREATE TABLE crm.log (customer_id text, channel text, sent_at timestamptz)",
        f"INSERT INTO crm.log VALUES {log}",
        "CREATE TABLE crm.people (customer_id text, accepts_marketing boolean)",
        f"INSERT INTO crm.people VALUES {people}",
    )
    Path("log.csv").write_text(
        csv({"customer_id": refusing[:20], "channel": "email", "sent_at": "2020-12-30T09:00:00Z"})
    )
    accepts = [number % 9 > 0 for number in range(len(ids))]
    Path("people.csv").write_text(csv({"customer_id": ids, "accepts_marketing": accepts}))
    plans = []
    for log_at, people_at in (
        ("log.csv", "people.csv"),
        (f"{postgres.url}::crm.log", f"{postgres.url}::crm.people"),
    ):
        shop.configure(
            "orders.csv",
            contacts={"source": log_at},
            customers={"source": people_at},
            outreach={"capacity": 200, "holdout": 0, "channels": {"email": {}}},
        )
        result = shop.run("outreach", "--json")
        assert result.exit_code == 0, result.stderr
        plans.append((contacted(), json.loads(result.stdout)["restraint"]))
        shutil.rmtree("out/outreach")
    assert plans[0] == plans[1]
    assert plans[0][1]["contacts"]["matched"] == 20
    refused = {one for one, accepted in zip(ids, accepts, strict=True) if not accepted}
    assert refused & set(refusing)
    assert not refused & set(plans[0][0])


@pytest.mark.parametrize(
    ("table", "code", "words"),
    [
        ("gone", 5, "outreach.opt_outs: postgresql://***@/postgres"),
        ("hidden", 5, "permission denied for table hidden"),
        ("policed", 5, "affected by row-level security policy"),
        ("nameless", 3, "missing: customer_id"),
        ("", 2, "names no table"),
        (None, 5, "could not be opened"),
    ],
)
def test_opt_outs_that_cannot_be_read_from_their_database_stop_the_plan(
    shop: Place, postgres: Server, table: str | None, code: int, words: str
) -> None:
    postgres.run(
        *(f"CREATE TABLE {name} (customer_id text)" for name in ("hidden", "policed")),
        "CREATE TABLE nameless (mail_hash text)",
        "CREATE ROLE clerk LOGIN",
        "GRANT USAGE ON SCHEMA public TO clerk",
        "GRANT SELECT ON policed, nameless TO clerk",
        "ALTER TABLE policed ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON policed USING (false)",
    )
    address = postgres.url.replace("shop@", "clerk@") + (f"::{table}" if table else "")
    try:
        result = planned(shop, opt_outs=address if table is not None else "postgresql://127.0.0.1:1/crm::opt_outs")
    finally:
        postgres.run("DROP OWNED BY clerk", "DROP ROLE clerk")
    assert result.exit_code == code, result.stderr
    assert words in " ".join(result.stderr.split())
    assert not Path("out/outreach").exists()
