"use strict";
// Draws the charts from the data in the page, as they come into view, and filters by package.
// Text of the API gets into the page by textContent alone, and into plotly by plain(): there
// `<b>` and `<a href>` would be taken for marks.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  const select = document.getElementById("package");
  const toggle = document.getElementById("theme");
  const told = document.getElementById("told");
  const plots = [...document.querySelectorAll("[data-chart]")];
  const seen = new Set();
  const stale = new Set(plots);
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "solid", "dash", "dot"];
  const MARKS = ["circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon"];
  const idOf = (p) => (p.id === null ? "none" : String(p.id));
  let printing = false;

  for (const each of document.querySelectorAll("details"))
    each.open = Number(each.dataset.rows) <= 12;

  const plain = (text) =>
    String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
  const dayOf = (offset) =>
    new Date(Date.parse(data.start) + offset * 86400000).toISOString().slice(0, 10);
  const allDays = () => Array.from({ length: data.days }, (_, i) => dayOf(i));
  const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });

  function duration(seconds) {
    if (seconds > 0 && seconds < 10) return `${Number(seconds.toFixed(1))} s`;
    const left = Math.round(seconds);
    const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
    for (const [size, word, lesser, less] of units) {
      if (left < size) continue;
      const rest = Math.floor((left % size) / lesser);
      return `${Math.floor(left / size)} ${word}` + (rest ? ` ${rest} ${less}` : "");
    }
    return `${left} s`;
  }

  // Columns of rows, the first being steps of days: spread over the days, null where none is.
  function spread(columns) {
    const wide = columns.slice(1).map(() => new Array(data.days).fill(null));
    let at = 0;
    columns[0].forEach((step, row) => {
      at += step;
      wide.forEach((column, i) => { if (at < data.days) column[at] = columns[i + 1][row]; });
    });
    return wide;
  }

  // Seconds in the unit that suits the longest.
  function scale(lists) {
    const most = Math.max(0, ...lists.map((list) => list.reduce((a, b) => Math.max(a, b || 0), 0)));
    const [size, unit] = most > 10800 ? [3600, "hours"] : most > 180 ? [60, "minutes"] : [1, "seconds"];
    return { unit, of: (list) => list.map((v) => (v === null ? null : v / size)) };
  }

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const palette = () => [1, 2, 3, 4, 5, 6, 7, 8].map((n) => colour(`--c${n}`));

  function layout(more) {
    const [ink, soft, grid, card] = ["--ink", "--soft", "--grid", "--card"].map(colour);
    const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, automargin: true, tickfont: { color: soft } };
    const { xaxis, yaxis, ...rest } = more;
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
      margin: { l: 8, r: 12, t: 8, b: 8 },
      hoverlabel: { bgcolor: card, bordercolor: soft, font: { color: ink }, align: "left" },
      legend: { orientation: "h", y: -0.16, x: 0, font: { color: ink } },
      dragmode: "zoom",
      ...rest,
      xaxis: { ...axis, ...xaxis },
      yaxis: { ...axis, rangemode: "tozero", ...yaxis },
    };
  }
  const days = (more) => ({ type: "date", range: [dayOf(-1), dayOf(data.days)], ...more });
  const axisTitle = (text) => ({ text, font: { color: colour("--soft"), size: 12 } });

  // Ticks along the foot of a chart: the days with no run.
  function without(values) {
    const none = values.flatMap((value, i) => (value === null ? [dayOf(i)] : []));
    return {
      x: none, y: none.map(() => 0), mode: "markers", name: "no run", hoverinfo: "text",
      text: none.map((day) => `${day}: no run`), cliponaxis: false,
      marker: { symbol: "line-ns-open", size: 9, color: colour("--none"), line: { width: 2, color: colour("--none") } },
    };
  }

  const draw = {
    runtime(only) {
      const chosen = only === null ? data.top : [only];
      const sheets = chosen.filter((p) => data.runtime[p]).map((p) => [p, spread(data.runtime[p])]);
      const unit = scale(sheets.flatMap(([, s]) => (only === null ? [s[0]] : [s[0], s[1]])));
      const x = allDays();
      const traces = sheets.flatMap(([p, [p50, p95, runs]], i) => {
        const name = data.packages[p].name;
        const text = x.map((day, d) => p50[d] === null ? "" :
          `${plain(short(name, 50))}<br>${day}: median ${duration(p50[d])}, p95 ${duration(p95[d])}, ${number(runs[d])} runs`);
        const line = (values, label, n) => ({
          x, y: unit.of(values), text, hoverinfo: "text", name: plain(short(label, 32)),
          mode: "lines+markers", connectgaps: false,
          line: { color: palette()[n], dash: DASHES[n], width: 2 },
          marker: { symbol: MARKS[n], size: data.days > 120 ? 4 : 5.5, color: palette()[n] },
        });
        return only === null ? [line(p50, name, i)] : [line(p50, "median", 0), line(p95, "p95", 1)];
      });
      const any = new Array(data.days).fill(null);
      const counted = only === null ? data.runtime.filter(Boolean) : [data.runtime[only]].filter(Boolean);
      for (const columns of counted) {
        let at = 0;
        for (const step of columns[0]) any[(at += step)] = 1;
      }
      traces.push(without(any));
      const since = only === null ? undefined : data.slower[only];
      const marked = since === undefined ? {} : {
        shapes: [{ type: "line", x0: since, x1: since, y0: 0, y1: 1, yref: "paper", line: { dash: "dot", width: 2, color: colour("--bad") } }],
        annotations: [{ x: since, y: 1, yref: "paper", text: "slower since", showarrow: false, xanchor: "right", xshift: -5, font: { color: colour("--bad") } }],
      };
      const shown = only === null && data.packages.length > chosen.length
        ? `the ${chosen.length} packages that got slower or take most` : "";
      return [traces, { xaxis: days(), yaxis: { title: axisTitle(unit.unit) }, ...marked }, shown];
    },

    failures(only) {
      const sums = [0, 1, 2].map(() => new Array(data.days).fill(0));
      const any = new Array(data.days).fill(null);
      const chosen = only === null ? data.failures : [data.failures[only]];
      for (const columns of chosen.filter(Boolean)) {
        let at = 0;
        columns[0].forEach((step, row) => {
          at += step;
          any[at] = 1;
          const [runs, failed, stopped] = [1, 2, 3].map((i) => columns[i][row]);
          sums[0][at] += runs - failed - stopped;
          sums[1][at] += failed;
          sums[2][at] += stopped;
        });
      }
      const x = allDays();
      const text = x.map((day, d) =>
        `${day}: ${number(sums[0][d])} completed, ${number(sums[1][d])} failed, ${number(sums[2][d])} stopped`);
      const bar = (name, values, n, shape) => ({
        type: "bar", x, y: values, name, text, textposition: "none", hoverinfo: "text",
        marker: { color: palette()[n], line: { width: 0 }, pattern: { shape, solidity: 0.35, fgcolor: colour("--card"), fillmode: "overlay", size: 5 } },
      });
      const traces = [bar("completed", sums[0], 0, ""), bar("failed", sums[1], 1, "/"), bar("stopped", sums[2], 3, "x")];
      return [[...traces, without(any)], { barmode: "stack", bargap: 0.12, xaxis: days(), yaxis: { title: axisTitle("runs") } }, ""];
    },

    reasons(only) {
      const rows = (only === null ? data.all_reasons : data.reasons[only] || []).slice().reverse();
      return [[{
        type: "bar", orientation: "h", y: rows.map((_, i) => i), x: rows.map(([, n]) => n),
        text: rows.map(([, n]) => number(n)), textposition: "outside", cliponaxis: false,
        hovertext: rows.map(([reason, n]) => `${number(n)} × ${plain(short(reason || "no reason given", 110))}`), hoverinfo: "text",
        marker: { color: palette()[1], pattern: { shape: "/", solidity: 0.35, fgcolor: colour("--card"), fillmode: "overlay", size: 5 } },
      }], {
        height: 80 + 34 * Math.max(1, rows.length),
        margin: { l: 8, r: 48, t: 8, b: 8 }, showlegend: false,
        xaxis: { rangemode: "tozero", title: axisTitle("failed runs") },
        yaxis: { tickvals: rows.map((_, i) => i), ticktext: rows.map(([reason]) => plain(short(reason || "no reason given", innerWidth < 640 ? 22 : 58))), fixedrange: true, rangemode: "normal" },
      }, ""];
    },

    waits() {
      const [cluster, queue, p50, p95, runs] = spread(data.waits);
      const unit = scale([cluster, queue, p50]);
      const x = allDays();
      const text = x.map((day, d) => p50[d] === null ? `${day}: no run` :
        `${day}: median ${duration(p50[d])}, p95 ${duration(p95[d])}, ${number(runs[d])} jobs` +
        (cluster[d] === null ? "" : `<br>for the cluster ${duration(cluster[d])}, in its queue ${duration(queue[d])}`));
      const line = (name, values, n) => ({
        x, y: unit.of(values), text, hoverinfo: "text", name, mode: "lines+markers", connectgaps: false,
        line: { color: palette()[n], dash: DASHES[n], width: 2 }, marker: { symbol: MARKS[n], size: 5, color: palette()[n] },
      });
      const all = line("all of it", p50, 0);
      Object.assign(all, { mode: "lines", opacity: 0.45, line: { ...all.line, width: 6 } });
      return [
        [all, line("for the cluster", cluster, 1), line("in its queue", queue, 2), without(p50)],
        { xaxis: days(), yaxis: { title: axisTitle(unit.unit) } }, "",
      ];
    },

    peaks() {
      const z = Array.from({ length: 24 }, () => new Array(data.days).fill(null));
      let at = 0;
      data.peaks[0].forEach((step, row) => {
        at += step;
        if (at < data.days) z[data.peaks[1][row]][at] = data.peaks[2][row];
      });
      const text = z.map((row, hour) => row.map((n, d) => n === null ? "" : `${dayOf(d)}, ${hour}:00 UTC: ${number(n)} at once`));
      return [[{
        type: "heatmap", x: allDays(), z, text, hoverinfo: "text", colorscale: "Cividis", xgap: data.days > 120 ? 0 : 1, ygap: 1,
        colorbar: { title: { text: "at once", font: { size: 12 } }, thickness: 12, outlinewidth: 0 },
      }], { xaxis: days(), yaxis: { title: axisTitle("hour, UTC"), rangemode: "normal", range: [23.5, -0.5], dtick: 6 } }, ""];
    },

    records(only) {
      const x = allDays();
      if (only !== null) {
        const outputs = data.records[only].slice(0, 8);
        const traces = outputs.map(([name, steps, values, scores, usual], i) => {
          const [y] = spread([steps, values]);
          const places = [];
          steps.reduce((at, step) => { places.push(at + step); return at + step; }, 0);
          const odd = new Map(Object.keys(scores).map((row) => [places[row], row]));
          const text = x.map((day, d) => y[d] === null ? "" :
            `${plain(short(name, 50))}<br>${day}: ${number(y[d])} records` +
            (odd.has(d) ? `, usual ${number(usual[odd.get(d)])} (z ${scores[odd.get(d)]})` : ""));
          return {
            x, y, text, hoverinfo: "text", name: plain(short(name || "no name", 32)), mode: "lines+markers", connectgaps: false,
            line: { color: palette()[i], dash: DASHES[i], width: 2 },
            marker: {
              color: x.map((_, d) => (odd.has(d) ? colour("--bad") : palette()[i])),
              symbol: x.map((_, d) => (odd.has(d) ? "diamond" : MARKS[i])),
              size: x.map((_, d) => (odd.has(d) ? 11 : 4.5)),
            },
          };
        });
        const any = x.map((_, d) => (traces.some((trace) => trace.y[d] !== null) ? 1 : null));
        const shown = data.records[only].length > 8 ? `8 of ${data.records[only].length} outputs` : "";
        return [[...traces, without(any)], { showlegend: true, xaxis: days(), yaxis: { title: axisTitle("records") } }, shown];
      }
      const sums = new Array(data.days).fill(null);
      const odd = new Map();
      data.records.forEach((outputs, p) => outputs.forEach(([name, steps, values, scores]) => {
        let at = 0;
        steps.forEach((step, row) => {
          at += step;
          sums[at] = (sums[at] || 0) + (values[row] || 0);
          if (!(row in scores)) return;
          if (!odd.has(at)) odd.set(at, []);
          odd.get(at).push(`${plain(short(data.packages[p].name, 32))} → ${plain(short(name, 32))}: ${number(values[row])}`);
        });
      }));
      const marks = [...odd.keys()];
      return [[
        { x, y: sums, name: "records of all outputs", mode: "lines+markers", connectgaps: false, line: { color: palette()[0], width: 2 }, marker: { size: 4.5 },
          hoverinfo: "text", text: x.map((day, d) => (sums[d] === null ? "" : `${day}: ${number(sums[d])} records`)) },
        { x: marks.map(dayOf), y: marks.map((d) => sums[d]), name: "an output far from its usual", mode: "markers",
          marker: { symbol: "diamond", size: 10, color: colour("--bad"), line: { width: 1, color: colour("--card") } }, hoverinfo: "text",
          text: marks.map((d) => `${dayOf(d)}<br>${odd.get(d).slice(0, 6).join("<br>")}` + (odd.get(d).length > 6 ? `<br>and ${odd.get(d).length - 6} more` : "")) },
        without(sums),
      ], { xaxis: days(), yaxis: { title: axisTitle("records") } }, ""];
    },

    nodes(only) {
      const total = (p) => data.node_hours[p].reduce((a, b) => a + b, 0);
      const order = data.node_hours.flatMap((row, p) => (row ? [p] : [])).sort((a, b) => total(b) - total(a));
      const most = order.length > 8 ? 7 : 8;
      const chosen = only === null ? order.slice(0, most) : data.node_hours[only] ? [only] : [];
      const shapes = ["", "/", "\\", "x", "-", "|", "+", "."];
      const bar = (name, y, n) => ({
        type: "bar", x: data.weeks, y, name: plain(short(name, 32)), hoverinfo: "text", textposition: "none",
        text: data.weeks.map((week, i) => `${plain(short(name, 50))}<br>week of ${week}: ${number(y[i])} node hours`),
        marker: { color: palette()[n], pattern: { shape: shapes[n], solidity: 0.3, fgcolor: colour("--card"), fillmode: "overlay", size: 6 } },
      });
      const traces = chosen.map((p, i) => bar(data.packages[p].name, data.node_hours[p], i));
      const rest = only === null ? order.slice(most) : [];
      if (rest.length) traces.push(bar(`${rest.length} others`, data.weeks.map((_, i) => rest.reduce((sum, p) => sum + data.node_hours[p][i], 0)), 7));
      return [traces, { barmode: "stack", bargap: 0.25, showlegend: true, xaxis: { type: "date" }, yaxis: { title: axisTitle("node hours") } }, ""];
    },
  };

  function chosen() {
    const index = data.packages ? data.packages.findIndex((p) => idOf(p) === select.value) : -1;
    return index < 0 ? null : index;
  }

  function render(plot) {
    if (!window.Plotly || !stale.delete(plot)) return;
    const only = chosen();
    const [traces, more, shown] = draw[plot.dataset.chart](only);
    const title = plot.closest("figure").querySelector("figcaption").firstChild.textContent.trim();
    const whole = plot.dataset.chart === "waits" || plot.dataset.chart === "peaks";
    const whose = whole || only === null ? shown || "all packages" : data.packages[only].name;
    plot.setAttribute("aria-label", `${title}: ${whose}. The numbers are in the tables below.`);
    plot.dataset.shows = whose;
    const bare = traces.every((trace) => (trace.z || trace.x).length === 0);
    const empty = bare ? { annotations: [{ text: "nothing in these days", showarrow: false, x: 0.5, y: 0.5, xref: "paper", yref: "paper" }] } : {};
    if (more.height) plot.style.height = `${more.height}px`;
    Plotly.react(plot, traces, layout({ ...more, ...empty }), {
      displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
  }

  // The tables by day hold the newest rows of all; those of one package come from the charts' data.
  const series = {
    runtime: (p) => rowsOf(data.runtime[p], ([p50, p95, runs]) => [number(runs), p50 === null ? "–" : duration(p50), p95 === null ? "–" : duration(p95), "–"]),
    failures: (p) => rowsOf(data.failures[p], ([runs, failed, stopped]) => [
      number(runs), number(failed), number(stopped), runs > stopped ? `${number((100 * failed) / (runs - stopped))} %` : "–"]),
  };
  series.records = (p) => (data.records[p] || []).flatMap(([name, steps, values, scores, usual]) =>
    rowsOf([steps, values, steps.map((_, row) => row)], ([records, row]) => [
      "–", records === null ? "–" : number(records), "–",
      row in usual ? number(usual[row]) : "–", row in scores ? String(scores[row]) : "–",
    ]).map((row) => [name, ...row])).sort((a, b) => (a[1] < b[1] ? 1 : a[1] > b[1] ? -1 : 0));
  function rowsOf(columns, cells) {
    if (!columns) return [];
    let at = 0;
    return columns[0].map((step, row) => {
      at += step;
      return [dayOf(at), ...cells(columns.slice(1).map((column) => column[row]))];
    }).reverse();
  }

  function fill(table, only) {
    table.querySelector("tbody[data-own]")?.remove();
    const make = series[table.dataset.series];
    table.tBodies[0].hidden = Boolean(make) && only !== null;
    if (!make || only === null) return null;
    const body = document.createElement("tbody");
    body.dataset.own = "";
    const rows = make(only);
    for (const values of rows) {
      const row = body.insertRow();
      row.dataset.package = idOf(data.packages[only]);
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = data.packages[only].name;
      row.append(head);
      values.forEach((value, i) => {
        const cell = row.insertCell();
        cell.textContent = value;
        cell.className = table.tHead.rows[0].cells[i + 1].className;
      });
    }
    table.append(body);
    return rows.length;
  }

  function tiles(only) {
    const totals = only === null ? data.totals : [data.totals[only]];
    const sum = (i) => totals.reduce((all, row) => all + row[i], 0);
    const whole = (value) => Math.round(value).toLocaleString("en");
    const large = (value) => (value < 1e7 ? whole(value) : `${whole(value / 1e6)} M`);
    const share = sum(1) ? ` (${(100 * sum(1) / sum(0)).toFixed(sum(1) / sum(0) < 0.1 ? 1 : 0)} %)` : "";
    const values = { runs: whole(sum(0)), failed: whole(sum(1)) + share, hours: whole(sum(2) / 3600), records: large(sum(3)), nodes: whole(sum(4)), packages: whole(totals.length) };
    for (const tile of document.querySelectorAll("[data-tile]")) tile.textContent = values[tile.dataset.tile];
  }

  function filter() {
    const only = chosen();
    let rows = 0;
    for (const table of document.querySelectorAll("table")) {
      const made = table.dataset.series ? fill(table, only) : null;
      const of = [...table.tBodies[0].rows].filter((row) => row.dataset.package !== undefined);
      for (const row of of) row.hidden = only !== null && row.dataset.package !== select.value;
      if (!of.length) continue;
      const left = made ?? of.filter((row) => !row.hidden).length;
      rows += left;
      let note = table.parentElement.querySelector("p.empty");
      if (!note) {
        note = document.createElement("p");
        note.className = "empty";
        note.textContent = "No row of this package here.";
        table.after(note);
      }
      note.hidden = left > 0;
    }
    if (data.packages) tiles(only);
    for (const plot of plots) stale.add(plot);
    for (const plot of seen) render(plot);
    const whose = only === null ? "all packages" : data.packages[only].name;
    told.textContent = `Showing ${whose}: ${rows.toLocaleString("en")} table rows.`;
  }

  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function redraw() {
    toggle.setAttribute("aria-pressed", String(isDark()));
    for (const plot of plots) stale.add(plot);
    for (const plot of seen) render(plot);
  }
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  toggle.setAttribute("aria-pressed", String(isDark()));
  select.addEventListener("change", filter);
  select.value = "";

  addEventListener("load", () => {
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.add(entry.target);
        watch.unobserve(entry.target);
        render(entry.target);
      }
    }, { rootMargin: "200px" });
    for (const plot of plots) watch.observe(plot);
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    printing = true;
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const each of closed) each.open = true;
    const theme = root.dataset.theme;
    root.dataset.theme = "light";
    for (const plot of plots) { seen.add(plot); stale.add(plot); render(plot); }
    if (theme) root.dataset.before = theme;
  });
  addEventListener("afterprint", () => {
    if (!printing) return;
    printing = false;
    for (const each of closed) each.open = false;
    if (root.dataset.before) root.dataset.theme = root.dataset.before;
    else delete root.dataset.theme;
    delete root.dataset.before;
    redraw();
  });
})();
