// The page that asks in the browser: DuckDB runs in a worker here, and reads the released file from beside the page.
import * as duckdb from "@duckdb/duckdb-wasm";

const HERE = new URL(".", document.currentScript.src);
const DATA = new URL("../pitwall.duckdb", HERE);
const SHOWN = 1000; // rows of a table on the page; the CSV has all of them
const MEGABYTE = 1e6;
// Apache Arrow's numbers for types whose values need a word of their own.
const TYPE = { int: 2, float: 3, decimal: 7, date: 8, time: 9, timestamp: 10 };
const NUMBERS = [TYPE.int, TYPE.float, TYPE.decimal];

const page = document.getElementById("ask");
const find = (selector) => page.querySelector(selector);
const [sql, run, csv, answer] = ["textarea", ".ask-run", ".ask-csv", ".ask-answer"].map(find);
const [status, buttons, more] = [".ask-status", ".ask-examples", "select"].map(find);

let engine = null; // { db, connection }
let program = null; // the address of the unpacked WebAssembly
let last = null; // { names, rows } of the last answer
let name = "answer";
let isRunning = false;

function say(text, isError = false) {
  status.textContent = text;
  status.classList.toggle("ask-error", isError);
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

// Load

async function unpacked(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address.pathname}: ${response.status} ${response.statusText}`);
  const size = Number(response.headers.get("Content-Length"));
  let loaded = 0;
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        const whole = size >= loaded ? ` of ${(size / MEGABYTE).toFixed(1)}` : "";
        say(`Loading the database program: ${(loaded / MEGABYTE).toFixed(1)}${whole} MB`);
        controller.enqueue(chunk);
      },
    }),
  );
  const whole = counted.pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(whole).arrayBuffer();
  return URL.createObjectURL(new Blob([bytes], { type: "application/wasm" }));
}

async function start() {
  program ??= await unpacked(new URL("duckdb-eh.wasm.gz", HERE));
  say("Opening the data");
  // The content policy of a page binds a worker only if the worker comes from a blob of the page.
  const script = `importScripts(${JSON.stringify(new URL("duckdb-browser-eh.worker.js", HERE).href)});`;
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const db = new duckdb.AsyncDuckDB(new duckdb.VoidLogger(), new Worker(address));
  await db.instantiate(program);
  URL.revokeObjectURL(address);
  const connection = await db.connect();
  // An extension would be a download.
  await connection.query("set autoinstall_known_extensions = false");
  await connection.query("set autoload_known_extensions = false");
  await connection.query(`attach '${DATA.href.replaceAll("'", "''")}' as pitwall (read_only)`);
  const schemas = await connection.query(
    "select schema_name as name from duckdb_schemas() where database_name = 'pitwall' and not internal",
  );
  const names = schemas.toArray().map((row) => `pitwall.${row.name}`);
  await connection.query(`set search_path = '${[...names, "pitwall.main"].join(",")}'`);
  engine = { db, connection };
}

// Answer

function decimal(value, scale) {
  // Little-endian words of 32 bits, in two's complement.
  let number = 0n;
  const words = typeof value === "bigint" ? null : new Uint32Array(value.buffer, value.byteOffset, value.byteLength / 4);
  if (words === null) number = value;
  else {
    words.forEach((word, index) => (number |= BigInt(word) << BigInt(32 * index)));
    number = BigInt.asIntN(32 * words.length, number);
  }
  const digits = (number < 0n ? -number : number).toString().padStart(scale + 1, "0");
  const sign = number < 0n ? "-" : "";
  return scale ? `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}` : sign + digits;
}

function text(value, type) {
  if (value === null || value === undefined) return null;
  if (type.typeId === TYPE.decimal) return decimal(value, type.scale);
  if (type.typeId === TYPE.date) return new Date(Number(value)).toISOString().slice(0, 10);
  if (type.typeId === TYPE.timestamp) return new Date(Number(value)).toISOString().slice(0, 19).replace("T", " ");
  if (typeof value === "object") return JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each));
  return String(value);
}

function show(result, seconds) {
  const fields = result.schema.fields;
  // By column, because two columns may have one name.
  const columns = fields.map((_, index) => result.getChildAt(index));
  const rows = Array.from({ length: result.numRows }, (_, row) =>
    fields.map((field, index) => text(columns[index].get(row), field.type)),
  );
  last = { names: fields.map((field) => field.name), rows };
  const table = element("table");
  const head = table.createTHead().insertRow();
  const isNumber = (field) => NUMBERS.includes(field.type.typeId);
  fields.forEach((field) => head.append(element("th", field.name, isNumber(field) ? "ask-number" : "")));
  const body = table.createTBody();
  for (const row of rows.slice(0, SHOWN)) {
    const line = body.insertRow();
    row.forEach((value, index) => {
      const cell = line.insertCell();
      cell.textContent = value ?? "NULL";
      if (value === null) cell.className = "ask-null";
      else if (isNumber(fields[index])) cell.className = "ask-number";
    });
  }
  const frame = element("div", "", "ask-frame");
  frame.tabIndex = 0;
  frame.append(table);
  answer.replaceChildren(frame);
  const count = rows.length === 1 ? "1 row" : `${rows.length.toLocaleString("en")} rows`;
  const cut = rows.length > SHOWN ? `; the first ${SHOWN.toLocaleString("en")} are shown, the CSV has all` : "";
  say(`${count} in ${seconds.toFixed(2)} s${cut}`);
  csv.disabled = false;
}

function explain(error) {
  const message = String(error.message ?? error);
  if (location.protocol === "file:") return "A browser opens the data over http only. Run `make site SERVE=1` and open the address that it prints.";
  if (/failed to fetch|networkerror|404/i.test(message)) return `${DATA.pathname}: cannot be read from this site. ${message}`;
  return message;
}

function fail(error) {
  const block = element("pre", explain(error), "ask-failure");
  block.setAttribute("role", "alert");
  answer.replaceChildren(block);
  csv.disabled = true;
  last = null;
  say("The query failed.", true);
}

async function ask() {
  if (!engine || isRunning || !sql.value.trim()) return;
  isRunning = true;
  run.textContent = "Stop";
  say("Running");
  const { connection } = engine;
  const begun = performance.now();
  try {
    const result = await connection.query(sql.value);
    if (engine?.connection === connection) show(result, (performance.now() - begun) / 1000);
  } catch (error) {
    if (engine?.connection === connection) fail(error);
  }
  if (engine?.connection === connection) finish();
}

function finish() {
  isRunning = false;
  run.textContent = "Run";
}

async function stop() {
  const { db } = engine;
  engine = null;
  run.disabled = true;
  await db.terminate();
  await begin();
  finish();
  say("Stopped.");
}

function download() {
  const quoted = (value) => (value === null ? "" : /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = [last.names, ...last.rows].map((row) => row.map(quoted).join(","));
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// The page

function choose(question) {
  name = question.name;
  sql.value = `-- ${question.text}\n${question.sql}`;
  sql.rows = Math.min(sql.value.split("\n").length + 1, 16);
  history.replaceState(null, "", `?question=${question.name}`);
  for (const button of buttons.children) button.classList.toggle("ask-chosen", button.dataset.name === question.name);
  more.value = question.first ? "" : question.name;
  if (!isRunning) ask();
}

async function begin() {
  try {
    await start();
    run.disabled = false;
    say("Ready.");
  } catch (error) {
    fail(error);
    say("The database did not start.", true);
  }
}

async function main() {
  say("Loading");
  const started = begin();
  let questions = [];
  try {
    questions = await (await fetch(new URL("questions.json", HERE))).json();
  } catch (error) {
    return fail(error);
  }
  more.append(element("option", "Choose one"));
  more.firstChild.value = "";
  for (const question of questions) {
    const made = element(question.first ? "button" : "option", question.text);
    if (question.first) {
      made.type = "button";
      made.dataset.name = question.name;
      made.addEventListener("click", () => choose(question));
      buttons.append(made);
    } else {
      made.value = question.name;
      more.append(made);
    }
  }
  const named = (wanted) => questions.find((question) => question.name === wanted);
  more.addEventListener("change", () => more.value && choose(named(more.value)));
  run.addEventListener("click", () => (isRunning ? stop() : ask()));
  csv.addEventListener("click", download);
  sql.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
  });
  sql.addEventListener("input", () => (name = "answer"));
  choose(named(new URLSearchParams(location.search).get("question")) ?? questions[0]);
  await started;
  ask();
}

main();
