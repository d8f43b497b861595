"use strict";
// The tiles of what is chosen, in the same words as those that tiles.py makes of everything.

const FEW_HOURS = 10; // fewer have a decimal

function noun(value, one) {
  return value === 1 ? one : `${one}s`;
}

/** Return the label and the value of each tile. */
function tileTexts([runs, failed, stopped, seconds, records, nodes], packages) {
  const minutes = Number(fixed(seconds / 60, 0));
  const hours = Number(fixed(seconds / 3600, 0));
  const nodeHours = grouped(fixed(nodes, nodes > 0 && nodes < FEW_HOURS ? 1 : 0));
  const rate = failed ? ` (${share(failed / (runs - stopped))})` : "";
  return {
    runs: [`${noun(runs, "Run")} that ended`, count(runs)],
    failed: ["Failed", count(failed) + rate],
    hours:
      minutes < 60
        ? [`${noun(minutes, "Minute")} of completed runs`, count(minutes)]
        : [`${noun(hours, "Hour")} of completed runs`, count(hours)],
    records: [`${noun(records, "Record")} written`, large(records)],
    nodes: [nodeHours === "1.0" ? "Node hour" : "Node hours", nodeHours.replace(/\.0$/, "")],
    packages: [noun(packages, "Package"), count(packages)],
  };
}

/** Fill the tiles. What they are compared with is of everything, so it shows for everything only. */
function fillTiles(chosen) {
  const totals = listsOf(report.totals, chosen);
  const sums = [0, 1, 2, 3, 4, 5].map((place) => sum(totals.map((total) => total[place])));
  const texts = tileTexts(sums, totals.filter(([runs]) => runs > 0).length);
  for (const tile of document.querySelectorAll("[data-tile]")) {
    const [label, value] = texts[tile.dataset.tile];
    tile.querySelector("dt").textContent = label;
    tile.querySelector("dd").textContent = value;
    const change = tile.querySelector(".change");
    if (change) change.hidden = !chosen.isAll;
  }
  const scope = document.getElementById("scope");
  if (scope) scope.textContent = scopeOf(chosen);
}
