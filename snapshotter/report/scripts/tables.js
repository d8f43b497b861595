"use strict";
// The tables of one package or account. A table by day holds the newest rows of all packages; the
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

/** Show what is chosen in every table; return how many rows show. */
function filterTables(chosen) {
  return sum([...document.querySelectorAll("table")].map((table) => filterTable(table, chosen)));
}

function filterTable(table, chosen) {
  const made = fillTable(table, chosen.only);
  const rows = [...table.tBodies[0].rows].filter(
    ({ dataset }) => dataset.package !== undefined || dataset.account !== undefined,
  );
  if (!rows.length) return 0;
  for (const row of rows) row.hidden = !isChosen(row.dataset, chosen);
  const shown = made ?? rows.filter((row) => !row.hidden).length;
  emptyNote(table).hidden = shown > 0;
  return shown;
}

/** Return whether a row is of the chosen account and package, as far as it has them. */
function isChosen(dataset, { account, only }) {
  const isOfAnother =
    account !== null && dataset.account !== undefined && dataset.account !== report.accounts[account];
  if (isOfAnother) return false;
  return only === null || dataset.package === undefined || dataset.package === packageKey(only);
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
  const account = report.accounts.length > 1 ? [report.accounts[report.packages[only].account]] : [];
  for (const texts of rows) addRow(body, only, [...account, ...texts], classes);
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
  note.textContent = "No rows of these here.";
  table.after(note);
  return note;
}
