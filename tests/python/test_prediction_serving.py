"""The champion over HTTP: real requests to the app, and one clear line for each that is wrong."""

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prediction_standin as standin
import pytest
from conftest import ROOT, make_once

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings(*standin.OF_LIBRARIES)]
for package in ("mlflow", "fastapi", "uvicorn", "pandas", "sqlalchemy"):
    pytest.importorskip(package, reason=f"no {package}: `make ml-extra` installs it")

REFS = standin.REFS
JSON = {"Content-Type": "application/json"}


def grid(*slots: Any, known_at: str = "after_qualifying") -> list[dict[str, Any]]:
    """A row per entrant, with these slots."""
    return [
        {"driver": ref, "known_at": known_at, "grid": slot} for ref, slot in zip(REFS, slots, strict=False)
    ]


def changed(rows: list[dict[str, Any]], index: int, **values: Any) -> list[dict[str, Any]]:
    """The rows with other values in one of them."""
    return [row | values if number == index else row for number, row in enumerate(rows)]


GRID = grid(3, 1, 2, 4, "pit", 5)


@pytest.fixture(scope="module")
def port(shared_folder: Path) -> Iterator[int]:
    """The port of a server with a champion of the stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        standin.install(patch)
        import uvicorn

        from pitwall.prediction import forecasting, serving, tracking

        def make(data: Path) -> None:
            standin.write_warehouse(data)
            forecasting.train(data)

        data = make_once(shared_folder / "served", make)
        listener = serving.listen(0)
        served = tracking.champion(data).served
        settings = uvicorn.Config(serving.app_of(served), log_level="critical")
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(30)


def ask(
    port: int, method: str, path: str, body: str | bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send a request. Returns the status, and the JSON of the answer; its text if it is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, JSON if headers is None else headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text


def invoke(port: int, rows: Any, form: str = "dataframe_records") -> tuple[int, Any]:
    """Ask for the predictions of these rows."""
    return ask(port, "POST", "/invocations", json.dumps({form: rows}))


def test_it_says_that_it_runs(port: int) -> None:
    assert ask(port, "GET", "/ping") == (200, "\n")
    assert ask(port, "GET", "/version") == (200, "3.17.2")


def test_a_grid_is_answered_in_its_order(port: int) -> None:
    rows = changed(list(reversed(GRID)), 0, driver=" GAUSS ")
    status, answer = invoke(port, rows)
    assert status == 200
    table = answer["predictions"]
    assert [row["driver"] for row in table] == list(reversed(REFS))
    assert table[0]["driver_name"] == "Carl Gauß"
    assert sum(row["win"] for row in table) == pytest.approx(1)
    assert sum(row["podium"] for row in table) == pytest.approx(3)
    assert max(table, key=lambda row: row["win"])["driver"] == "noether"
    assert set(table[0]) == {
        "driver", "driver_name", "win", "podium", "points", "classified", "expected_order"
    }  # fmt: skip


def test_names_texts_and_nulls_are_taken_as_they_are_written(port: int) -> None:
    expected = invoke(port, GRID)
    names = [row | {"driver": name} for row, name in zip(GRID, standin.DRIVERS, strict=True)]
    assert invoke(port, names) == expected
    assert invoke(port, [row | {"grid": str(row["grid"])} for row in GRID]) == expected
    assert invoke(port, changed(GRID, 4, grid=None)) == expected
    assert invoke(port, changed(GRID, 4, grid="PIT")) == expected
    assert (
        invoke(port, [row | {"grid": float(row["grid"])} if row["grid"] != "pit" else row for row in GRID])
        == expected
    )
    split = {"columns": list(GRID[0]), "data": [list(row.values()) for row in GRID]}
    assert invoke(port, split, "dataframe_split") == expected
    assert invoke(port, {name: [row[name] for row in GRID] for name in GRID[0]}, "inputs") == expected


def test_before_the_weekend_no_grid_is_needed(port: int) -> None:
    rows = [{"driver": ref, "known_at": "before_weekend"} for ref in REFS]
    status, answer = invoke(port, rows)
    assert (status, answer["predictions"][0]["driver"]) == (200, "lovelace")
    assert invoke(port, [row | {"grid": None} for row in rows]) == (status, answer)


ENTRANTS = f"the entrants of 2023 round 8 are {', '.join(REFS)}"
SLOT = "is no slot: give a whole number from 1 to 6, or 'pit' for none"


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (changed(GRID, 0, driver="fangio"), f"driver 'fangio' is no entrant; {ENTRANTS}"),
        (changed(GRID, 0, driver=7), f"driver 7 is no entrant; {ENTRANTS}"),
        (changed(GRID, 0, driver=None), f"a row has no driver; {ENTRANTS}"),
        (changed(GRID, 0, driver="gauss"), "driver 'gauss' is repeated"),
        (changed(GRID, 0, driver=[1]), f"driver [1] is no entrant; {ENTRANTS}"),
        (GRID[1:], "a row is missing for lovelace; every entrant needs one"),
        (changed(GRID, 0, grid=1.5), f"grid 1.5 {SLOT}"),
        (changed(GRID, 0, grid="1.5"), f"grid '1.5' {SLOT}"),
        (changed(GRID, 0, grid=0), f"grid 0 {SLOT}"),
        (changed(GRID, 0, grid=7), f"grid 7 {SLOT}"),
        (changed(GRID, 0, grid=-1), f"grid -1 {SLOT}"),
        (changed(GRID, 0, grid=True), f"grid True {SLOT}"),
        (changed(GRID, 0, grid=[3]), f"grid [3] {SLOT}"),
        (changed(GRID, 0, grid="9" * 5000), f"{SLOT}"),
        (changed(GRID, 0, grid="pole"), f"grid 'pole' {SLOT}"),
        (changed(GRID, 0, grid=2), "grid slot 2 is given to more than one driver"),
        (grid(*["pit"] * 6), "no driver has a grid slot"),
        (grid(1, 2, 3, 4, 5, 6, known_at="tomorrow"), "known_at must be before_weekend in all rows, or "),
        (changed(GRID, 0, known_at="before_weekend"), "known_at must be before_weekend in all rows, or "),
        (changed(GRID, 0, known_at=None), "known_at must be before_weekend in all rows, or "),
        (grid(1, 2, 3, 4, 5, 6, known_at="before_weekend"), "a grid is not known before_weekend"),
        ([{"driver": ref, "known_at": "after_qualifying"} for ref in REFS], "the column grid is missing"),
        ([{"driver": ref, "grid": 1} for ref in REFS], "Model is missing inputs ['known_at']."),
        ([{"car": ref} for ref in REFS], "Model is missing inputs ['driver', 'known_at']. Note"),
        ([], "Model is missing inputs"),
        ([1, 2], "Model is missing inputs"),
        (7, "Dataframe records format must be a list of records"),
        ("grid", "Dataframe records format must be a list of records"),
        (None, "Dataframe records format must be a list of records"),
    ],
)  # fmt: skip
def test_wrong_rows_get_one_clear_line(port: int, rows: Any, error: str) -> None:
    status, answer = invoke(port, rows)
    assert (status, list(answer)) == (400, ["error"])
    assert error in answer["error"]
    assert len(answer["error"]) <= 500
    assert not {"\n", "Traceback", ".py"} & {answer["error"]}


BODY = json.dumps({"dataframe_records": GRID})
FIELD = "the body must be an object with one field, of dataframe_records, dataframe_split, inputs, instances"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 400, "the body is empty"),
        ("  \n", 400, "the body is empty"),
        ("{", 400, "the body is no JSON: Expecting property name"),
        (BODY.replace("4", "NaN"), 400, "the body is no JSON: NaN is no JSON; NULL is null"),
        (BODY.replace("4", "-Infinity"), 400, "the body is no JSON: -Infinity is no JSON"),
        (BODY.replace("4", "1e999"), 400, f"grid inf {SLOT}"),
        (b"\xff\xfe\x00", 400, "the body is no JSON"),
        ("[" * 100_000, 400, "the body is no JSON"),
        ("[]", 400, FIELD),
        ("7", 400, FIELD),
        ("{}", 400, FIELD),
        ('{"rows": []}', 400, FIELD),
        ('{"messages": []}', 400, FIELD),
        ('{"dataframe_records": [], "inputs": []}', 400, FIELD),
        ('{"dataframe_split": {"columns": ["driver"]}}', 400, ""),
        ('{"dataframe_split": {"columns": ["driver"], "data": [[1, 2]]}}', 400, ""),
        ('{"dataframe_split": {"columns": ["driver", "driver"], "data": [[1, 2]]}}', 400, ""),
        ('{"inputs": 7}', 400, ""),
        ('{"instances": {"driver": [1]}}', 400, ""),
        (" " * 2**20 + BODY, 413, "the body has more than 1048576 bytes"),
    ],
)
def test_a_wrong_body_gets_one_clear_line(port: int, body: str | bytes, status: int, error: str) -> None:
    found, answer = ask(port, "POST", "/invocations", body)
    assert (found, list(answer)) == (status, ["error"]), answer
    assert error in answer["error"]
    assert answer["error"].strip()
    assert "Traceback" not in answer["error"]
    assert ".py" not in answer["error"]


def test_a_large_body_without_a_length_is_refused(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/invocations", iter([b" " * 2**19] * 3), JSON, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())) == (
        413,
        {"error": "the body has more than 1048576 bytes"},
    )
    connection.close()


@pytest.mark.parametrize(
    "kind", ["text/csv", "", "application/json; charset=latin-1", "application/x-parquet"]
)
def test_another_content_type_is_refused(port: int, kind: str) -> None:
    status, answer = ask(port, "POST", "/invocations", BODY, {"Content-Type": kind})
    assert (status, answer) == (415, {"error": f"content type {kind!r}: send application/json"})


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/invocations", 405, "/invocations takes POST, not GET"),
        ("DELETE", "/ping", 405, "/ping takes GET, not DELETE"),
        ("POST", "/version", 405, "/version takes GET, not POST"),
        ("GET", "/", 404, "/: no such path; there are GET /ping, GET /version and POST /invocations"),
        ("POST", "/invocation", 404, "/invocation: no such path"),
        ("GET", "/docs", 404, "/docs: no such path"),
        ("GET", "/%0a%1b[2J", 404, "no such path"),
    ],
)
def test_another_address_is_refused(port: int, method: str, path: str, status: int, error: str) -> None:
    found, answer = ask(port, method, path)
    assert (found, list(answer)) == (status, ["error"])
    assert error in answer["error"]
    assert answer["error"].isprintable()


def test_a_failing_model_is_reported_without_its_insides(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("secret path /x/y.py")

    monkeypatch.setattr("pitwall.prediction.model.Model.probabilities", fail)
    status, answer = invoke(port, GRID)
    assert status == 400
    assert answer["error"].startswith("Encountered an unexpected error while evaluating the model")
    assert "secret" not in answer["error"]


def test_a_port_that_is_taken_is_reported(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    standin.install(monkeypatch)
    from pitwall.command import PlainError
    from pitwall.prediction import serving

    with pytest.raises(PlainError, match=rf"port {port}: Address already in use; name another with PORT="):
        serving.listen(port)
    with pytest.raises(PlainError, match=r"port 70000: "):
        serving.listen(70000)


def test_the_request_of_the_docs_is_answered(port: int) -> None:
    """Its drivers are not those of the stand-in, so each in turn is renamed."""
    text = (ROOT / "docs" / "predictions.md").read_text(encoding="utf-8")
    [(path, kind, body)] = re.findall(r"curl -s http://127.0.0.1:8000(\S+) -H '([^']+)' -d '([^']+)'", text)
    request = json.loads(body)["dataframe_split"]
    assert len({row[0] for row in request["data"]}) == len(request["data"]) == 20
    slots = [*range(1, 20), "pit"]
    assert request["data"] == [
        [row[0], "after_qualifying", slot] for row, slot in zip(request["data"], slots, strict=True)
    ]
    for row, ref in zip(request["data"], REFS, strict=False):
        row[0] = ref
    request["data"] = request["data"][: len(REFS)]
    name, value = kind.split(": ")
    status, answer = ask(port, "POST", path, json.dumps({"dataframe_split": request}), {name: value})
    assert (status, len(answer["predictions"])) == (200, len(REFS))
