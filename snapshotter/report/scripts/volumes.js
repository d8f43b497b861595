"use strict";
// The charts of records and node hours, as charts.js describes them.

function recordsChart({ only }) {
  const outputs = report.records[only];
  const lines = outputs.slice(0, MOST_SERIES).map(outputLine);
  const ran = allDays().map((_, day) => (lines.some(({ y }) => y[day] !== null) ? 1 : null));
  return {
    traces: [...lines, daysWithoutRuns(ran)],
    layout: { showlegend: true, xaxis: dayAxis(), yaxis: { title: axisTitle("records") } },
    shown: outputs.length > MOST_SERIES ? `${MOST_SERIES} of ${outputs.length} outputs` : "",
  };
}

function outputName(name, most) {
  return cut(name || "no name", most);
}

/** Return the line of an output; its unusual days, which have a z-score, are marked. */
function outputLine([name, steps, values, scores, usual], index) {
  const [y] = byDay([steps, values]);
  const days = daysOf(steps);
  const unusual = new Map(Object.keys(scores).map((row) => [days[row], row]));
  const text = allDays().map((day, place) => {
    if (y[place] === null) return "";
    const written = `${outputName(name, HOVER_LENGTH)}<br>${day}: ${count(y[place])} records`;
    if (!unusual.has(place)) return written;
    const row = unusual.get(place);
    return `${written}, usual ${decimal(usual[row])} (z ${decimal(scores[row])})`;
  });
  const marked = (yes, no) => y.map((_, place) => (unusual.has(place) ? yes : no));
  return {
    ...line({ name: outputName(name, LEGEND_LENGTH), y, text, index }),
    marker: {
      color: marked(colour("--bad"), seriesColour(index)),
      symbol: marked("diamond", SYMBOLS[index]),
      size: marked(11, 4.5),
    },
  };
}

function allRecordsChart(chosen) {
  const { totals, unusual } = recordsByDay(chosen);
  const text = allDays().map((day, place) =>
    totals[place] === null ? "" : `${day}: ${count(totals[place])} records`,
  );
  const all = {
    x: allDays(),
    y: totals,
    name: "records of all outputs",
    mode: "lines+markers",
    connectgaps: isRare(totals),
    line: { color: seriesColour(0), width: 2 },
    marker: { size: 4.5 },
    hoverinfo: "text",
    text,
  };
  return {
    traces: [all, unusualDays(totals, unusual), daysWithoutRuns(totals)],
    layout: { xaxis: dayAxis(), yaxis: { title: axisTitle("records") } },
    shown: "",
  };
}

/** Return the records of each day, and by day a line about each output that is unusual on it. */
function recordsByDay({ packages }) {
  const totals = emptyDays();
  const unusual = new Map();
  packages.forEach((index) => {
    for (const [name, steps, values, scores] of report.records[index]) {
      const packagePart = cut(packageName(index), LEGEND_LENGTH);
      const source = `${packagePart} → ${outputName(name, LEGEND_LENGTH)}`;
      daysOf(steps).forEach((day, row) => {
        totals[day] = (totals[day] || 0) + (values[row] || 0);
        if (!(row in scores)) return;
        const lines = unusual.get(day) || [];
        unusual.set(day, [...lines, `${source}: ${orNothing(count, values[row])}`]);
      });
    }
  });
  return { totals, unusual };
}

function unusualDays(totals, unusual) {
  const days = [...unusual.keys()];
  const text = days.map((day) => {
    const lines = unusual.get(day);
    const more = lines.length > 6 ? `<br>and ${lines.length - 6} more` : "";
    return `${dayAt(day)}<br>${lines.slice(0, 6).join("<br>")}${more}`;
  });
  const edge = { width: 1, color: colour("--card") };
  return {
    x: days.map(dayAt),
    y: days.map((day) => totals[day]),
    name: "an output far from its usual",
    mode: "markers",
    marker: { symbol: "diamond", size: 10, color: colour("--bad"), line: edge },
    hoverinfo: "text",
    text,
  };
}

function nodesChart(chosen) {
  const { series, others } = nodeHours(chosen);
  const bars = series.map((index, place) =>
    nodesBar(packageName(index), report.node_hours[index], place),
  );
  if (others.length) {
    const hours = report.weeks.map((_, week) =>
      sum(others.map((index) => report.node_hours[index][week])),
    );
    bars.push(nodesBar(`${others.length} others`, hours, MOST_SERIES - 1));
  }
  return {
    traces: bars,
    layout: {
      barmode: "stack",
      bargap: 0.25,
      showlegend: true,
      xaxis: { type: "date" },
      yaxis: { title: axisTitle("node hours") },
    },
    shown: "",
  };
}

/** Return the packages that have a bar of their own, the largest first, and the others. */
function nodeHours({ packages }) {
  const ranked = packages
    .filter((index) => report.node_hours[index])
    .map((index) => ({ index, total: sum(report.node_hours[index]) }))
    .sort((one, other) => other.total - one.total)
    .map(({ index }) => index);
  const most = ranked.length > MOST_SERIES ? MOST_SERIES - 1 : MOST_SERIES;
  return { series: ranked.slice(0, most), others: ranked.slice(most) };
}

function nodesBar(name, y, index) {
  const text = report.weeks.map((week, place) => {
    const hours = `week of ${week}: ${decimal(y[place])} node hours`;
    return `${cut(name, HOVER_LENGTH)}<br>${hours}`;
  });
  return {
    type: "bar",
    x: report.weeks,
    y,
    name: cut(name, LEGEND_LENGTH),
    hoverinfo: "text",
    textposition: "none",
    text,
    marker: hatched(index, { shape: HATCHES[index], solidity: 0.3, size: 6 }),
  };
}
