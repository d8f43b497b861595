"use strict";
// The charts of runtime, failures and waits. Each chart is a function of what filters.js returns as
// chosen, and returns `traces` and `layout` for plotly, and `shown`: what it is limited to, if it is.

const MOST_REASONS = 12;

function runtimeChart(chosen) {
  const { only } = chosen;
  const asked = only === null ? report.top.filter((index) => chosen.packages.includes(index)) : [only];
  const drawn = asked.filter((index) => report.runtime[index]).slice(0, MOST_SERIES);
  const packages = drawn.map((index) => runtimeOf(index, only === null));
  const unit = unitFor(packages.flatMap(({ p50, p95 }) => (only === null ? [p50] : [p50, p95])));
  const lines = packages.flatMap((each, index) =>
    only === null
      ? [runtimeLine(each, unit.convert(each.p50), each.name, index)]
      : [
          runtimeLine(each, unit.convert(each.p50), "median", 0),
          runtimeLine(each, unit.convert(each.p95), "p95", 1),
        ],
  );
  const isPart = only === null && chosen.packages.length > drawn.length;
  return {
    traces: [...lines, daysWithoutRuns(daysWithRows(listsOf(report.runtime, chosen)))],
    layout: { xaxis: dayAxis(), yaxis: { title: axisTitle(unit.name) }, ...slowerSince(only) },
    shown: isPart ? `the ${drawn.length} packages that became slower or take most` : "",
  };
}

/** Return a package's medians; those of weeks for a rare one among others, to be joined. */
function runtimeOf(index, isOneOfMany) {
  const weekly = isOneOfMany && report.weekly[index];
  const [p50, p95, runs] = byDay(weekly || report.runtime[index]);
  const name = packageName(index);
  const week = weekly ? "week to " : "";
  const text = allDays().map((day, place) =>
    p50[place] === null
      ? ""
      : `${cut(name, HOVER_LENGTH)}<br>${week}${day}: median ${duration(p50[place])}, ` +
        `p95 ${duration(p95[place])}, ${counted(runs[place], "run")}`,
  );
  return { name, p50, p95, text };
}

function runtimeLine({ text }, y, name, index) {
  const size = report.days > 120 ? 4 : 5.5;
  return line({ name: cut(name, LEGEND_LENGTH), y, text, index, size });
}

/** Return the mark of the day since which a package is slower, if there is one. */
function slowerSince(only) {
  const since = only === null ? undefined : report.slower[only];
  if (since === undefined) return {};
  const color = colour("--bad");
  const mark = { type: "line", x0: since, x1: since, y0: 0, y1: 1, yref: "paper" };
  const label = { x: since, y: 1, yref: "paper", text: "slower since", showarrow: false };
  return {
    shapes: [{ ...mark, line: { dash: "dot", width: 2, color } }],
    annotations: [{ ...label, xanchor: "right", xshift: -5, font: { color } }],
  };
}

function failuresChart(chosen) {
  const lists = listsOf(report.failures, chosen);
  const [completed, failed, stopped] = runsByEnd(lists);
  const x = allDays();
  const text = x.map(
    (day, place) =>
      `${day}: ${count(completed[place])} completed, ${count(failed[place])} failed, ` +
      `${count(stopped[place])} stopped`,
  );
  const bar = (name, y, index, shape) => {
    const marker = { ...hatched(index, { shape }), line: { width: 0 } };
    return { type: "bar", x, y, name, text, textposition: "none", hoverinfo: "text", marker };
  };
  return {
    traces: [
      bar("completed", completed, 0, ""),
      bar("failed", failed, 1, "/"),
      bar("stopped", stopped, 3, "x"),
      daysWithoutRuns(daysWithRows(lists)),
    ],
    layout: {
      barmode: "stack",
      bargap: 0.12,
      xaxis: dayAxis(),
      yaxis: { title: axisTitle("runs") },
    },
    shown: "",
  };
}

/** Return the completed, failed and stopped runs of each day, of all lists together. */
function runsByEnd(lists) {
  const [completed, failed, stopped] = [emptyDays(0), emptyDays(0), emptyDays(0)];
  for (const [steps, runs, failures, stops] of lists) {
    daysOf(steps).forEach((day, row) => {
      completed[day] += runs[row] - failures[row] - stops[row];
      failed[day] += failures[row];
      stopped[day] += stops[row];
    });
  }
  return [completed, failed, stopped];
}

/** Return the most frequent reasons and their runs, of all chosen accounts together. */
function reasonsOf(chosen) {
  if (chosen.only !== null) return report.reasons[chosen.only] || [];
  const counts = new Map();
  for (const [reason, runs] of ofAccounts(report.all_reasons, chosen).flat()) {
    counts.set(reason, (counts.get(reason) || 0) + runs);
  }
  return [...counts].sort(([, one], [, other]) => other - one).slice(0, MOST_REASONS);
}

function reasonsChart(chosen) {
  const found = reasonsOf(chosen);
  const rows = found.map(([reason, runs]) => [reason || "no reason given", runs]).reverse();
  const places = rows.map((_, place) => place);
  const length = innerWidth < 640 ? 22 : 58;
  const bars = {
    type: "bar",
    orientation: "h",
    y: places,
    x: rows.map(([, runs]) => runs),
    text: rows.map(([, runs]) => count(runs)),
    textposition: "outside",
    cliponaxis: false,
    hovertext: rows.map(([reason, runs]) => `${count(runs)} × ${cut(reason, 110)}`),
    hoverinfo: "text",
    marker: hatched(1, { shape: "/" }),
  };
  const ticks = { tickvals: places, ticktext: rows.map(([reason]) => cut(reason, length)) };
  return {
    traces: [bars],
    layout: {
      height: 80 + 34 * Math.max(1, rows.length),
      margin: { l: 8, r: 48, t: 8, b: 8 },
      showlegend: false,
      xaxis: { rangemode: "tozero", title: axisTitle("failed runs") },
      yaxis: { ...ticks, fixedrange: true, rangemode: "normal" },
    },
    shown: "",
  };
}

function waitsChart(chosen) {
  const lists = ofAccounts(report.waits, chosen);
  if (lists.length > 1) return waitsOfAccounts(lists);
  const [cluster, queue, p50, p95, runs] = byDay(lists[0]);
  const unit = unitFor([cluster, queue, p50]);
  const text = allDays().map((day, place) => {
    if (p50[place] === null) return `${day}: no run`;
    const wait =
      `${day}: median ${duration(p50[place])}, p95 ${duration(p95[place])}, ` +
      counted(runs[place], "job");
    if (cluster[place] === null) return wait;
    const parts = `for the cluster ${duration(cluster[place])}, in its queue`;
    return `${wait}<br>${parts} ${duration(queue[place])}`;
  });
  const waitLine = (name, seconds, index) => line({ name, y: unit.convert(seconds), text, index });
  const all = waitLine("all of it", p50, 0);
  return {
    traces: [
      { ...all, mode: "lines", opacity: 0.45, line: { ...all.line, width: 6 } },
      waitLine("for the cluster", cluster, 1),
      waitLine("in its queue", queue, 2),
      daysWithoutRuns(p50),
    ],
    layout: { xaxis: dayAxis(), yaxis: { title: axisTitle(unit.name) } },
    shown: "",
  };
}

/** Return a line per account: a median of several accounts would be of none of them. */
function waitsOfAccounts(lists) {
  const medians = lists.map((columns) => byDay(columns)[2]);
  const unit = unitFor(medians);
  const lines = medians.slice(0, MOST_SERIES).map((p50, index) => {
    const name = report.accounts[index];
    const text = allDays().map((day, place) =>
      p50[place] === null ? "" : `${cut(name, HOVER_LENGTH)}<br>${day}: ${duration(p50[place])}`,
    );
    return line({ name: cut(name, LEGEND_LENGTH), y: unit.convert(p50), text, index });
  });
  const shown = lists.length > MOST_SERIES ? `${MOST_SERIES} of ${lists.length} accounts` : "";
  return {
    traces: lines,
    layout: { showlegend: true, xaxis: dayAxis(), yaxis: { title: axisTitle(unit.name) } },
    shown,
  };
}

function peaksChart(chosen) {
  const peaks = Array.from({ length: 24 }, () => emptyDays());
  const lists = ofAccounts(report.peaks, chosen);
  for (const [steps, hours, most] of lists) {
    daysOf(steps).forEach((day, row) => {
      if (day >= report.days) return;
      peaks[hours[row]][day] = Math.max(peaks[hours[row]][day] || 0, most[row]);
    });
  }
  const text = peaks.map((values, hour) =>
    values.map((jobs, day) =>
      jobs === null ? "" : `${dayAt(day)}, ${hour}:00 UTC: ${count(jobs)} at once`,
    ),
  );
  const heatmap = {
    type: "heatmap",
    x: allDays(),
    z: peaks,
    text,
    hoverinfo: "text",
    colorscale: "Cividis",
    xgap: report.days > 120 ? 0 : 1,
    ygap: 1,
    colorbar: { title: { text: "at once", font: { size: 12 } }, thickness: 12, outlinewidth: 0 },
  };
  const hourAxis = { rangemode: "normal", range: [23.5, -0.5], dtick: 6 };
  return {
    traces: [heatmap],
    layout: { xaxis: dayAxis(), yaxis: { title: axisTitle("hour, UTC"), ...hourAxis } },
    shown: lists.length > 1 ? "the most in any one account" : "",
  };
}
