"use strict";
// The tables and tiles of one package. A table by day holds the newest rows of all packages; the
// rows of one package are made from the data of its chart.

const PACKAGE_ROWS = { runtime: runtimeRows, failures: failureRows, records: recordRows };

/** Return rows of text, the newest first; `cells` makes those after the day from a row's values. */
function rowsOf(columns, cells) {
  if (!columns) return [];
  const [steps, ...others] = columns;
  return daysOf(steps)
    .map((day, row) => [dayAt(day), ...cells(others.map((column) => column[row]))])
    .reverse();
}

function runtimeRows(index) {
  return rowsOf(report.runtime[index], ([p50, p95, runs]) => [
    count(runs),
    orNothing(duration, p50),
    orNothing(duration, p95),
    NOTHING,
  ]);
}

function failureRows(index) {
  return rowsOf(report.failures[index], ([runs, failed, stopped]) => [
    count(runs),
    count(failed),
    count(stopped),
    runs > stopped ? share(failed / (runs - stopped)) : NOTHING,
  ]);
}

function recordRows(index) {
  const rows = report.records[index].flatMap(([name, steps, values, scores, usual]) => {
    const columns = [steps, values, steps.map((_, row) => row)];
    const cells = ([records, row]) => [
      NOTHING,
      orNothing(count, records),
      NOTHING,
      orNothing(decimal, usual[row]),
      orNothing(decimal, scores[row]),
    ];
    return rowsOf(columns, cells).map((texts) => [orNothing(String, name), ...texts]);
  });
  return rows.sort(([, one], [, other]) => (one < other ? 1 : one > other ? -1 : 0));
}

/** Show one package in every table, all of them if `only` is null; return how many rows show. */
function filterTables(only) {
  return sum([...document.querySelectorAll("table")].map((table) => filterTable(table, only)));
}

function filterTable(table, only) {
  const made = fillTable(table, only);
  const rows = [...table.tBodies[0].rows].filter((row) => row.dataset.package !== undefined);
  if (!rows.length) return 0;
  for (const row of rows) row.hidden = only !== null && row.dataset.package !== packageKey(only);
  const shown = made ?? rows.filter((row) => !row.hidden).length;
  emptyNote(table).hidden = shown > 0;
  return shown;
}

/** Put the rows of one package in place of the newest of all; return how many, null if none are. */
function fillTable(table, only) {
  table.querySelector("tbody[data-own]")?.remove();
  const rowsOfPackage = PACKAGE_ROWS[table.dataset.series];
  table.tBodies[0].hidden = Boolean(rowsOfPackage) && only !== null;
  if (!rowsOfPackage || only === null) return null;
  const body = document.createElement("tbody");
  body.dataset.own = "";
  const rows = rowsOfPackage(only);
  const classes = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.className);
  for (const texts of rows) addRow(body, only, texts, classes);
  table.append(body);
  return rows.length;
}

// Text of the API gets into the page by textContent alone.
function addRow(body, index, texts, classes) {
  const row = body.insertRow();
  row.dataset.package = packageKey(index);
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = packageName(index);
  row.append(head);
  texts.forEach((text, place) => {
    const cell = row.insertCell();
    cell.textContent = text;
    cell.className = classes[place];
  });
}

function emptyNote(table) {
  const found = table.parentElement.querySelector("p.empty");
  if (found) return found;
  const note = document.createElement("p");
  note.className = "empty";
  note.textContent = "No row of this package here.";
  table.after(note);
  return note;
}

function fillTiles(only) {
  const totals = listsOf(report.totals, only);
  const [runs, failed, stopped, seconds, records, nodes] = [0, 1, 2, 3, 4, 5].map((place) =>
    sum(totals.map((total) => total[place])),
  );
  const texts = {
    runs: count(runs),
    failed: count(failed) + (failed ? ` (${share(failed / (runs - stopped))})` : ""),
    hours: whole(seconds / 3600),
    records: large(records),
    nodes: whole(nodes),
    packages: count(totals.length),
  };
  for (const tile of document.querySelectorAll("[data-tile]")) {
    tile.textContent = texts[tile.dataset.tile];
  }
}
