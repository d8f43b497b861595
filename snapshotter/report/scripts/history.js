"use strict";
// The data in the page, which charts.py describes: lists by package, and columns of rows by day.

const DAY = 86_400_000; // milliseconds
const report = JSON.parse(document.getElementById("data").textContent);

function dayAt(index) {
  return new Date(Date.parse(report.start) + index * DAY).toISOString().slice(0, 10);
}

function allDays() {
  return Array.from({ length: report.days }, (_, index) => dayAt(index));
}

function emptyDays(value = null) {
  return new Array(report.days).fill(value);
}

/** Return the index of each row's day, from the steps between the days of rows. */
function daysOf(steps) {
  let day = 0;
  return steps.map((step) => (day += step));
}

/** Return each column but the first with a value per day, null on days without a row. */
function byDay([steps, ...columns]) {
  const spread = columns.map(() => emptyDays());
  daysOf(steps).forEach((day, row) => {
    if (day < report.days) columns.forEach((column, index) => (spread[index][day] = column[row]));
  });
  return spread;
}

/** Return 1 for each day on which one of the lists of columns has a row, else null. */
function daysWithRows(lists) {
  const days = emptyDays();
  for (const [steps] of lists) for (const day of daysOf(steps)) days[day] = 1;
  return days;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** Return the lists of the chosen packages; those without rows are left out. */
function listsOf(lists, chosen) {
  return chosen.packages.map((index) => lists[index]).filter(Boolean);
}

/** Return what each chosen account has; a package's account is chosen with it. */
function ofAccounts(lists, { account }) {
  return account === null ? lists : [lists[account]];
}

/** Return whether values are on fewer than half of the days from the first to the last of them. */
function isRare(values) {
  const days = values.flatMap((value, day) => (value === null ? [] : [day]));
  return days.length > 1 && days.length < (days.at(-1) - days[0] + 1) / 2;
}

function packageName(index) {
  return report.packages[index].name;
}

function packageKey(index) {
  const { id } = report.packages[index];
  return id === null ? "none" : String(id);
}
