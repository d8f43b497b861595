"use strict";
// The parts that charts for plotly are made of: colours, axes, units, lines, fills.

const MOST_SERIES = 8;
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "solid", "dash", "dot"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon"];
const HATCHES = ["", "/", "\\", "x", "-", "|", "+", "."];
const LEGEND_LENGTH = 32; // characters
const HOVER_LENGTH = 50;

// The palette is that of the style sheet, in the theme that is shown.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function seriesColour(index) {
  return colour(`--c${index + 1}`);
}

function layoutWith({ xaxis, yaxis, ...others }) {
  const [ink, soft, grid, card] = ["--ink", "--soft", "--grid", "--card"].map(colour);
  const axis = {
    gridcolor: grid,
    linecolor: grid,
    zerolinecolor: grid,
    automargin: true,
    tickfont: { color: soft },
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
    margin: { l: 8, r: 12, t: 8, b: 8 },
    hoverlabel: { bgcolor: card, bordercolor: soft, font: { color: ink }, align: "left" },
    legend: { orientation: "h", y: -0.16, x: 0, font: { color: ink } },
    dragmode: "zoom",
    ...others,
    xaxis: { ...axis, ...xaxis },
    yaxis: { ...axis, rangemode: "tozero", ...yaxis },
  };
}

function dayAxis() {
  return { type: "date", range: [dayAt(-1), dayAt(report.days)] };
}

function axisTitle(text) {
  return { text, font: { color: colour("--soft"), size: 12 } };
}

/** Return the unit that suits the longest of lists of seconds, and a function into it. */
function unitFor(lists) {
  const longest = lists.flat().reduce((most, value) => Math.max(most, value || 0), 0);
  const [size, name] =
    longest > 10800 ? [3600, "hours"] : longest > 180 ? [60, "minutes"] : [1, "seconds"];
  const convert = (seconds) => seconds.map((value) => (value === null ? null : value / size));
  return { name, convert };
}

function line({ name, y, text, index, size = 5 }) {
  return {
    x: allDays(),
    y,
    text,
    hoverinfo: "text",
    name,
    mode: "lines+markers",
    connectgaps: isRare(y),
    line: { color: seriesColour(index), dash: DASHES[index], width: 2 },
    marker: { symbol: SYMBOLS[index], size, color: seriesColour(index) },
  };
}

/** Return the fill of bars; the hatching distinguishes them without colours. */
function hatched(index, { shape, solidity = 0.35, size = 5 }) {
  const fgcolor = colour("--card");
  return {
    color: seriesColour(index),
    pattern: { shape, solidity, fgcolor, fillmode: "overlay", size },
  };
}

/** Return ticks along the foot of a chart: the days whose value is null. */
function daysWithoutRuns(values) {
  const days = values.flatMap((value, index) => (value === null ? [dayAt(index)] : []));
  const grey = colour("--none");
  return {
    x: days,
    y: days.map(() => 0),
    mode: "markers",
    name: "no run",
    hoverinfo: "text",
    text: days.map((day) => `${day}: no run`),
    cliponaxis: false,
    marker: { symbol: "line-ns-open", size: 9, color: grey, line: { width: 2, color: grey } },
  };
}
