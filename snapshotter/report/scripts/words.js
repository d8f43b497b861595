"use strict";
// Values as text, in the same words as in the tables, which `cell` of tables.py makes. Pure.

const NOTHING = "–";
const UNITS = [
  { size: 86400, word: "day", part: 3600, partWord: "h" },
  { size: 3600, word: "h", part: 60, partWord: "min" },
  { size: 60, word: "min", part: 1, partWord: "s" },
];

/** Return a number with that many decimals; a tie goes to the even digit, as in Python. */
function fixed(value, decimals) {
  const text = value.toFixed(decimals);
  const isTie =
    Number.isInteger(value * 2 ** (decimals + 1)) && !Number.isInteger(value * 2 ** decimals);
  if (!isTie || Number(text.at(-1)) % 2 === 0) return text;
  return (Number(text) - Math.sign(value) * 10 ** -decimals).toFixed(decimals);
}

/** Return the text of a number with a comma between each three digits before the point. */
function grouped(text) {
  const [whole, fraction] = text.split(".");
  const withCommas = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? withCommas : `${withCommas}.${fraction}`;
}

function count(value) {
  return grouped(String(value));
}

/** Return a number and its noun, which agree: 1 run, 2 runs. */
function counted(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function whole(value) {
  return grouped(fixed(value, 0));
}

function decimal(value) {
  return grouped(fixed(value, 1));
}

/** Return a number as a tile shows it: in millions from ten millions on. */
function large(value) {
  return value < 1e7 ? count(value) : `${whole(value / 1e6)} M`;
}

/** Return a share of 0 to 1 in percent, with a decimal below 10 %. */
function share(value) {
  return `${fixed(100 * value, value >= 0.1 || value === 0 ? 0 : 1)} %`;
}

/** Return a length of time in its two largest units, like 20 min 31 s or 3 days 4 h. */
function duration(seconds) {
  if (seconds > 0 && seconds < 10) return `${fixed(seconds, 1).replace(/\.0$/, "")} s`;
  const left = Number(fixed(seconds, 0));
  const unit = UNITS.find(({ size }) => left >= size);
  if (!unit) return `${left} s`;
  const most = Math.floor(left / unit.size);
  const rest = Math.floor((left % unit.size) / unit.part);
  const plural = unit.word === "day" && most > 1 ? "s" : "";
  return `${count(most)} ${unit.word}${plural}` + (rest ? ` ${rest} ${unit.partWord}` : "");
}

/** Return a value as `kind`, a function of this file; a dash if there is none. */
function orNothing(kind, value) {
  return value === null || value === undefined ? NOTHING : kind(value);
}

/** Return text with its marks escaped: plotly would take `<b>` and `<a href>` for HTML. */
function escaped(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** Return at most that many characters of a text, escaped; the last is then an ellipsis. */
function cut(text, most) {
  return escaped(text.length > most ? text.slice(0, most - 1) + "…" : text);
}
