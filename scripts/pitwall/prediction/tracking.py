"""MLflow's store in the data folder: runs that a person can read, and the registry with its `@champion`.

Everything is in `<data folder>/mlflow`: the database, and the files of the models below `artifacts/`.
"""

import fcntl
import json
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import mlflow
import pandas as pd
import polars as pl
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema
from sqlalchemy.exc import SQLAlchemyError

from pitwall.command import ROOT, PlainError, first_line
from pitwall.prediction import model as ranking_model
from pitwall.prediction.bars import Bar, text
from pitwall.prediction.entrants import to_json
from pitwall.prediction.model import Model
from pitwall.prediction.targets import AFTER_QUALIFYING, TARGETS

# Its type hints would not allow a grid that is a number or a text.
warnings.filterwarnings("ignore", message=".*Add type hints to the `predict` method")

FOLDER = "mlflow"
NAME = "pitwall"  # of the experiment, and of the registered model
CHAMPION = "champion"
SERVED_MODEL = Path(__file__).with_name("served_model.py")
# A new champion may be worse than the present one by this much in the mean log loss: it has seen more races.
MAY_BE_WORSE_BY = 0.001
SCORES = ("log_loss", "brier", "calibration_error")
# Every column of the store that has a path, and that is absolute.
PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            ColSpec(DataType.string, "driver"),
            ColSpec(DataType.string, "known_at"),
            # A slot is a number or a text, and NULL before the weekend. The model checks it.
            ColSpec(AnyType(), "grid", required=False),
        ]
    ),
    outputs=Schema(
        [
            ColSpec(DataType.string, "driver"),
            ColSpec(DataType.string, "driver_name"),
            *(ColSpec(DataType.double, name) for name in (*TARGETS, "expected_order")),
        ]
    ),
)


class Champion(NamedTuple):
    """The registered model that predictions are made with.

    Args:
        served: the model as MLflow loads it.
        model: the model itself.
        version: its number in the registry.
    """

    served: mlflow.pyfunc.PyFuncModel
    model: Model
    version: str


class Recorded(NamedTuple):
    """A training in the store.

    Args:
        run_id: its run.
        version: the number of its model in the registry.
        reasons: why the version did not become the champion; empty if it did.
    """

    run_id: str
    version: str
    reasons: list[str]


@contextmanager
def plain_errors(store: Path) -> Iterator[None]:
    """Turn a failure of MLflow, or of its database, into one line."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise PlainError(
            f"{store}: MLflow cannot use it: {first_line(error)}; if it is damaged, move it away and run "
            "`make train`"
        ) from None


@contextmanager
def opened(data: Path) -> Iterator[mlflow.MlflowClient]:
    """The store of a data folder; it is made if there is none."""
    store = data.absolute() / FOLDER
    if unquote(str(store)) != str(store):
        raise PlainError(f"{store}: MLflow reads %XX in a path as a character; rename that folder")
    store.mkdir(exist_ok=True)
    database, artifacts = store / "mlflow.db", store / "artifacts"
    uri = database_uri(store)
    with plain_errors(store):
        # Of two processes that make the tables, one would fail.
        with (store / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if database.exists():
                move_paths(database, artifacts.as_uri())
            else:
                tables = SqlAlchemyStore(uri, artifacts.as_uri())
                tables.create_experiment(NAME)
                tables.engine.dispose()
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        mlflow.set_experiment(NAME)
        yield mlflow.MlflowClient()


def check(data: Path) -> None:
    """Raise PlainError if there is a store, and it cannot be used."""
    if (data / FOLDER / "mlflow.db").exists():
        with opened(data):
            pass


def database_uri(store: Path) -> str:
    """The address of the database of a store."""
    return f"sqlite:///{quote(str(store / 'mlflow.db'))}"


def move_paths(database: Path, artifacts: str) -> None:
    """Correct the absolute paths in a store whose data folder was moved or copied."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        [found] = connection.execute(
            "select artifact_location from experiments where name = ?", [NAME]
        ).fetchall() or [(artifacts,)]
        old = found[0].rpartition("/artifacts")[0] + "/artifacts"
        if old != artifacts:
            for table, column in PATHS:
                connection.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) "
                    f"where substr({column}, 1, ?) = ?",
                    [artifacts, len(old) + 1, len(old) + 1, f"{old}/"],
                )


def champion(data: Path) -> Champion:
    """The model that `@champion` names. Raises PlainError if there is none, or if it cannot be loaded."""
    store = data / FOLDER
    if not (store / "mlflow.db").exists():
        raise PlainError(f"{store}: there is no model yet; run `make train` first")
    with opened(data) as client:
        version = champion_version(client)
        if version is None:
            raise PlainError(
                f"{store}: no model has passed the gate, so there is no @{CHAMPION}; `make train` trains one "
                "and says why it does not pass"
            )
        try:
            served = mlflow.pyfunc.load_model(f"models:/{NAME}@{CHAMPION}")
            model = served.unwrap_python_model().model
        except (MlflowException, OSError, ImportError, LookupError, TypeError, ValueError) as error:
            raise PlainError(
                f"{store}: version {version.version} of the model cannot be loaded ({first_line(error)}); "
                "run `make train` again"
            ) from None
        return Champion(served, model, str(version.version))


def champion_version(client: mlflow.MlflowClient) -> ModelVersion | None:
    """The version that `@champion` names."""
    registered = client.search_registered_models(f"name = '{NAME}'")
    if not registered or CHAMPION not in registered[0].aliases:
        return None
    return client.get_model_version_by_alias(NAME, CHAMPION)


def record(
    data: Path, *, model: Model, entrants: pl.DataFrame, scores: pl.DataFrame, bars: list[Bar]
) -> Recorded:
    """Record a training: a run with a run for each season in it, and a version of the model.

    The version becomes the champion if it passes the gate. The run says why it does not.

    Args:
        entrants: of the race for which the model can be asked.
        scores: of the backtest, as `scores.table` returns them.
    """
    through = model.trained_through.isoformat()
    with opened(data) as client:
        previous = champion_version(client)
        reasons = gate(bars, scores, scores_of(client, previous) if previous else None)
        with mlflow.start_run(run_name=f"through {through}") as run:
            mlflow.log_params(parameters(scores) | {"trained_through": through})
            log_scores(scores.filter(pl.col("season").is_null()))
            mlflow.log_dict(scores.to_dicts(), "scores.json")
            mlflow.log_dict([bar._asdict() for bar in bars], "bars.json")
            for season in sorted(scores["season"].drop_nulls().unique()):
                with mlflow.start_run(run_name=f"season {season}", nested=True):
                    mlflow.set_tags({"kind": "season", "season": str(season)})
                    log_scores(scores.filter(season=season))
            version = register(client, log_model(model, entrants), run.info.run_id, through)
            verdict = f"Version {version} became the champion."
            if reasons:
                verdict = f"Version {version} did not become the champion: {'; '.join(reasons)}."
            mlflow.set_tags(
                {
                    "kind": "training",
                    "gate": "not passed" if reasons else "passed",
                    "version": version,
                    "mlflow.note.content": description(scores, bars, verdict),
                }
            )
        client.update_model_version(NAME, version, verdict)
        if not reasons:
            client.set_registered_model_alias(NAME, CHAMPION, version)
        return Recorded(run.info.run_id, version, reasons)


def parameters(scores: pl.DataFrame) -> dict[str, Any]:
    """What was chosen before the training."""
    seasons = scores["season"].drop_nulls().to_list()
    return {
        "model": ranking_model.NAME,
        "backtest_seasons": f"{min(seasons)} to {max(seasons)}",
        "first_season": ranking_model.FIRST_SEASON,
        "half_life_seasons": ranking_model.HALF_LIFE_SEASONS,
        "ridge": ranking_model.RIDGE,
        **{f"depth_{moment}": depth for moment, depth in ranking_model.DEPTH.items()},
    }


def log_scores(scores: pl.DataFrame) -> None:
    """Log scores as metrics. MLflow's pages group them by the moment, and sort them by target."""
    metrics = {}
    for row in scores.to_dicts():
        is_ours = row["model"] == ranking_model.NAME
        for name in SCORES:
            start = f"{row['known_at']}/{row['target']}_{name}"
            metrics[start if is_ours else f"{start}_{row['model']}"] = row[name]
            # All models have the same baseline.
            metrics[f"{start}_baseline"] = row[f"baseline_{name}"]
    mlflow.log_metrics({name: round(value, 6) for name, value in metrics.items()})


def log_model(model: Model, entrants: pl.DataFrame) -> Any:
    """Log the model from code, with its weights and the entrants as JSON."""
    refs = entrants["driver_ref"].to_list()
    example = pd.DataFrame(
        {
            "driver": refs,
            "known_at": AFTER_QUALIFYING,
            "grid": [float(slot) for slot in range(1, len(refs) + 1)],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        weights, race = Path(folder) / "weights.json", Path(folder) / "entrants.json"
        weights.write_text(json.dumps(model.to_json(), indent=1), encoding="utf-8")
        race.write_text(to_json(entrants), encoding="utf-8")
        return mlflow.pyfunc.log_model(
            name="model",
            python_model=str(SERVED_MODEL),
            artifacts={"weights": str(weights), "entrants": str(race)},
            signature=SIGNATURE,
            input_example=example,
            # The lock file has their versions; MLflow would find them by running the model once more.
            pip_requirements=["mlflow-skinny", "numpy", "pandas", "polars", "scipy"],
            code_paths=[str(ROOT / "scripts" / "pitwall")],
        )


def register(client: mlflow.MlflowClient, logged: Any, run_id: str, trained_through: str) -> str:
    """Make a logged model a version of the registered one. Returns its number."""
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(
            NAME, description=f"Probabilities of a race. Predictions are made with @{CHAMPION}."
        )
    version = client.create_model_version(
        NAME,
        source=logged.model_uri,
        run_id=run_id,
        model_id=logged.model_id,
        tags={"trained_through": trained_through},
    )
    return str(version.version)


def scores_of(client: mlflow.MlflowClient, version: ModelVersion) -> pl.DataFrame | None:
    """The scores of a version's backtest; None if its run was deleted."""
    try:
        uri = client.get_run(version.run_id).info.artifact_uri
        return pl.DataFrame(mlflow.artifacts.load_dict(f"{uri}/scores.json"), infer_schema_length=None)
    except (MlflowException, OSError):
        return None


def gate(bars: list[Bar], scores: pl.DataFrame, last: pl.DataFrame | None) -> list[str]:
    """Why a model must not become the champion: a broken bar, or a present champion that is better.

    Args:
        last: the scores of the present champion; None if there is no champion.
    """
    reasons = [
        f"{bar.name} is {bar.value:.4f}, and the bar is {limit_of(bar)}" for bar in bars if not bar.passed
    ]
    if last is not None:
        both = (
            scores.filter(pl.col("season").is_not_null(), model=ranking_model.NAME)
            .join(last.filter(model=ranking_model.NAME), on=["season", "known_at", "target"], suffix="_last")
            .select(now=pl.col("log_loss").mean(), last=pl.col("log_loss_last").mean())
        )
        now, before = both.row(0)
        if now is not None and before is not None and now > before + MAY_BE_WORSE_BY:
            reasons.append(
                f"its mean log loss in the seasons of the present champion is {now:.4f}, and the champion's "
                f"is {before:.4f}"
            )
    return reasons


def limit_of(bar: Bar) -> str:
    """The limit of a bar in words."""
    return f"at {'least' if bar.is_least else 'most'} {bar.limit:.3f}"


def description(scores: pl.DataFrame, bars: list[Bar], verdict: str) -> str:
    """What the page of a run says, in Markdown: the verdict, the bars, the scores over all seasons."""
    tables = {"Bars": text(bars), "Scores over all seasons": table(scores)}
    return "\n\n".join([verdict, *(f"{head}:\n\n```\n{body}\n```" for head, body in tables.items())])


def table(scores: pl.DataFrame) -> str:
    """Scores over all seasons as text, without those that nobody reads first."""
    over_all = scores.filter(pl.col("season").is_null()).select(
        "known_at", "target", "model", "log_loss", "baseline_log_loss", "calibration_error"
    )
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=200,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_formatting="NOTHING",
        float_precision=4,
    ):
        return "\n".join(line.strip() for line in str(over_all).splitlines())
