"""The night as a task of Airflow: its data interval is the day that is scored, so a missed day can be run again."""

import pendulum
from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG(
    "ltvml_night",
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/London"),
    # a plan reads the contacts of the nights before: one at a time, in their order
    max_active_runs=1,
    catchup=True,
    default_args={"retries": 3, "retry_delay": pendulum.duration(minutes=10), "depends_on_past": True},
):
    BashOperator(
        task_id="run",
        cwd="/srv/shop",
        bash_command="ltvml run --cutoff {{ data_interval_start.in_timezone('Europe/London') | ds }} --json",
    )
