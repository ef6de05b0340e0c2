"""The night as a task of Airflow 2.11 or 3: a run scores the day before it, and can be run again for the same day.

Times are those of London; /srv/shop holds the configuration and a virtual environment with ltvml.
"""

import pendulum
from airflow.providers.common.compat.sdk import DAG, AirflowException, AirflowFailException
from airflow.providers.standard.operators.bash import BashOperator

# configuration, data, a model: another try finds the same
NOT_AGAIN = (2, 3, 7)


class Night(BashOperator):
    """A command that is tried again unless its exit code says that this would not help."""

    def execute(self, context):
        """Run the command in its folder; what it prints is the log of the task."""
        code = self.subprocess_hook.run_command(
            ["bash", "-c", self.bash_command], env=self.get_env(context), cwd=self.cwd
        ).exit_code
        if code:
            raise (AirflowFailException if code in NOT_AGAIN else AirflowException)(f"exit code {code}: see above.")


with DAG(
    "ltvml_night",
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/London"),
    # a plan reads the contacts of the nights before: one at a time, and none of last week's when this is switched on
    max_active_runs=1,
    catchup=False,
    default_args={"retries": 3, "retry_delay": pendulum.duration(minutes=10)},
):
    Night(
        task_id="run",
        cwd="/srv/shop",
        # the end of the interval: its start is a day earlier in Airflow 2, and the same moment in Airflow 3
        bash_command=(
            ".venv/bin/ltvml run --json"
            " --cutoff {{ data_interval_end.in_timezone('Europe/London').subtract(days=1) | ds }}"
        ),
    )
