"use strict";
// The page: its package, its theme, printing, and drawing charts as they come into view.

const PLOTLY_OPTIONS = {
  displaylogo: false,
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};
const CHARTS = {
  runtime: runtimeChart,
  failures: failuresChart,
  reasons: reasonsChart,
  waits: waitsChart,
  peaks: peaksChart,
  records: (chosen) => (chosen.only === null ? allRecordsChart : recordsChart)(chosen),
  nodes: nodesChart,
};
const OF_ALL_PACKAGES = ["waits", "peaks"]; // whichever package is chosen
const PAPER_WIDTH = 660; // pixels, of A4 and of US Letter between their margins
const PAPER_HEIGHT = 230;
const themeButton = document.getElementById("theme");
const statusLine = document.getElementById("status-line");
const darkStyle = document.getElementById("dark");
const darkBySystem = darkStyle.media;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll("[data-chart]")];
const inView = new Set(); // plots that have come into view
const stale = new Set(plots); // plots that no longer show what is chosen
let theme = null; // "dark" or "light" once chosen; null: the system's
let chosen = report.packages ? chosenOf(null, null) : null; // null: there are no jobs
let isPrinting = false;

function redrawAll() {
  for (const plot of plots) stale.add(plot);
  for (const plot of inView) drawChart(plot);
}

function drawChart(plot) {
  if (!window.Plotly || !stale.delete(plot)) return;
  plot.closest("figure").classList.add("drawn");
  const { traces, layout, shown } = CHARTS[plot.dataset.chart](chosen);
  label(plot, scopeOfChart(plot.dataset.chart, shown));
  const height = layout.height || (isPrinting ? PAPER_HEIGHT : null);
  plot.style.height = height === null ? "" : `${height}px`;
  const note = traces.every((trace) => (trace.z || trace.x).length === 0) ? nothingNote() : {};
  const size = isPrinting ? { width: PAPER_WIDTH, height, autosize: false } : { autosize: true };
  Plotly.react(plot, traces, layoutWith({ ...layout, ...note, ...size }), PLOTLY_OPTIONS);
}

function scopeOfChart(key, shown) {
  if (!OF_ALL_PACKAGES.includes(key)) {
    return chosen.only === null && shown ? shown : scopeOf(chosen);
  }
  return shown || scopeOf({ ...chosen, only: null, isAll: chosen.account === null });
}

function label(plot, shows) {
  const caption = plot.closest("figure").querySelector("figcaption");
  const title = caption.firstChild.textContent.trim();
  plot.setAttribute("aria-label", `${title}: ${shows}. The numbers are in the tables below.`);
  plot.dataset.shows = shows;
  const isObvious = shows === "all packages" && chosen.isAll;
  caption.querySelector(".shows").textContent = isObvious ? "" : shows;
}

function nothingNote() {
  const middle = { x: 0.5, y: 0.5, xref: "paper", yref: "paper" };
  return { annotations: [{ text: "nothing in these days", showarrow: false, ...middle }] };
}

function show(account, only) {
  chosen = chosenOf(account, only);
  // On paper the drawings of everything stand for the charts, unless something is chosen.
  document.documentElement.classList.toggle("narrowed", !chosen.isAll);
  const rows = filterTables(chosen);
  fillTiles(chosen);
  redrawAll();
  statusLine.textContent = `Showing ${scopeOf(chosen)}: ${counted(rows, "table row")}.`;
}

function showAccount() {
  packageInput.value = "";
  suggestPackages();
  show(chosenAccount(), null);
}

/** Show the package that the field names, at once if one is picked from its list. */
function showPackage({ type }) {
  const text = packageInput.value;
  const found = text.trim() ? packagesLike(text) : [];
  if (text.trim() && found.length !== 1) {
    if (type === "input") return; // still typing
    const count = found.length ? `${found.length} packages have` : "No package has";
    statusLine.textContent = `${count} “${text}” in the name or id. Showing ${scopeOf(chosen)}.`;
    return;
  }
  const only = found.length ? found[0] : null;
  if (type === "input" && only !== null && report.packages[only].label !== text) return;
  if (only !== null) packageInput.value = report.packages[only].label;
  if (chosen.only !== only) show(chosenAccount(), only);
}

function isDark() {
  return theme === null ? systemIsDark.matches : theme === "dark";
}

// The style sheet with the dark palette applies or not; on paper it never does.
function applyTheme(name) {
  darkStyle.media = { dark: "screen", light: "not all" }[name] ?? darkBySystem;
}

function nameThemeButton() {
  themeButton.textContent = isDark() ? "Light colours" : "Dark colours";
}

function showTheme() {
  applyTheme(theme);
  nameThemeButton();
  redrawAll();
}

function toggleTheme() {
  theme = isDark() ? "light" : "dark";
  showTheme();
}

function drawOnSight() {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        const plot = target.querySelector("[data-chart]");
        inView.add(plot);
        observer.unobserve(target);
        drawChart(plot);
      }
    },
    { rootMargin: "200px" },
  );
  for (const plot of plots) observer.observe(plot.closest("figure"));
}

// A page is laid out for paper only after this event, so charts get the width of paper here.
function prepareForPrint() {
  if (!chosen || chosen.isAll) return;
  isPrinting = true;
  applyTheme("light");
  for (const plot of plots) inView.add(plot);
  redrawAll();
}

function restoreAfterPrint() {
  if (!isPrinting) return;
  isPrinting = false;
  showTheme();
}

document.documentElement.classList.add("js");
nameThemeButton();
if (packageInput) {
  packageInput.value = "";
  suggestPackages();
  packageInput.addEventListener("input", showPackage);
  packageInput.addEventListener("change", showPackage);
}
if (accountSelect) {
  accountSelect.value = "";
  accountSelect.addEventListener("change", showAccount);
}
themeButton.addEventListener("click", toggleTheme);
systemIsDark.addEventListener("change", showTheme);
addEventListener("load", drawOnSight); // plotly is the last script of the page
addEventListener("beforeprint", prepareForPrint);
addEventListener("afterprint", restoreAfterPrint);
