"use strict";
// The page: its package, its theme, printing, and drawing charts as they come into view.

const MOST_OPEN_ROWS = 12; // a longer table is folded at first
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
  records: (only) => (only === null ? allRecordsChart() : recordsChart(only)),
  nodes: nodesChart,
};
const OF_ALL_PACKAGES = ["waits", "peaks"]; // whichever package is chosen
const packageSelect = document.getElementById("package");
const themeButton = document.getElementById("theme");
const statusLine = document.getElementById("status-line");
const darkStyle = document.getElementById("dark");
const darkBySystem = darkStyle.media;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll("[data-chart]")];
const inView = new Set(); // plots that have come into view
const stale = new Set(plots); // plots that no longer show what is chosen
let theme = null; // "dark" or "light" once chosen; null: the system's
let unfoldedForPrint = null; // while printing: the details to fold again

function chosenPackage() {
  const keys = (report.packages || []).map((_, index) => packageKey(index));
  const index = keys.indexOf(packageSelect.value);
  return index < 0 ? null : index;
}

function redrawAll() {
  for (const plot of plots) stale.add(plot);
  for (const plot of inView) drawChart(plot);
}

function drawChart(plot) {
  if (!window.Plotly || !stale.delete(plot)) return;
  const only = chosenPackage();
  const { traces, layout, shown } = CHARTS[plot.dataset.chart](only);
  const ofAll = only === null || OF_ALL_PACKAGES.includes(plot.dataset.chart);
  label(plot, ofAll ? shown || "all packages" : packageName(only));
  if (layout.height) plot.style.height = `${layout.height}px`;
  const note = traces.every((trace) => (trace.z || trace.x).length === 0) ? nothingNote() : {};
  Plotly.react(plot, traces, layoutWith({ ...layout, ...note }), PLOTLY_OPTIONS);
}

function label(plot, shows) {
  const caption = plot.closest("figure").querySelector("figcaption");
  const title = caption.firstChild.textContent.trim();
  plot.setAttribute("aria-label", `${title}: ${shows}. The numbers are in the tables below.`);
  plot.dataset.shows = shows;
}

function nothingNote() {
  const middle = { x: 0.5, y: 0.5, xref: "paper", yref: "paper" };
  return { annotations: [{ text: "nothing in these days", showarrow: false, ...middle }] };
}

function showPackage() {
  const only = chosenPackage();
  const rows = filterTables(only);
  if (report.packages) fillTiles(only);
  redrawAll();
  const shows = only === null ? "all packages" : packageName(only);
  statusLine.textContent = `Showing ${shows}: ${count(rows)} table rows.`;
}

function isDark() {
  return theme === null ? systemIsDark.matches : theme === "dark";
}

// The style sheet with the dark palette applies or not; on paper it never does.
function applyTheme(name) {
  darkStyle.media = { dark: "screen", light: "not all" }[name] ?? darkBySystem;
}

function showTheme() {
  applyTheme(theme);
  themeButton.setAttribute("aria-pressed", String(isDark()));
  redrawAll();
}

function toggleTheme() {
  theme = isDark() ? "light" : "dark";
  showTheme();
}

function foldLongTables() {
  for (const details of document.querySelectorAll("details")) {
    details.open = Number(details.dataset.rows) <= MOST_OPEN_ROWS;
  }
}

function drawOnSight() {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        inView.add(target);
        observer.unobserve(target);
        drawChart(target);
      }
    },
    { rootMargin: "200px" },
  );
  for (const plot of plots) observer.observe(plot);
}

function prepareForPrint() {
  unfoldedForPrint = [...document.querySelectorAll("details:not([open])")];
  for (const details of unfoldedForPrint) details.open = true;
  applyTheme("light");
  for (const plot of plots) inView.add(plot);
  redrawAll();
}

function restoreAfterPrint() {
  if (unfoldedForPrint === null) return;
  for (const details of unfoldedForPrint) details.open = false;
  unfoldedForPrint = null;
  showTheme();
}

document.documentElement.classList.add("js");
foldLongTables();
packageSelect.value = "";
themeButton.setAttribute("aria-pressed", String(isDark()));
packageSelect.addEventListener("change", showPackage);
themeButton.addEventListener("click", toggleTheme);
systemIsDark.addEventListener("change", showTheme);
addEventListener("load", drawOnSight); // plotly is the last script of the page
addEventListener("beforeprint", prepareForPrint);
addEventListener("afterprint", restoreAfterPrint);
