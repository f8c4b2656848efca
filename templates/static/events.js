// The pages of neutral events: sums while somebody types, and entries kept in this browser until they are sent.
// Every page works without it. Figures are whole numbers of 10^-12 (BigInt): no float touches a quantity.
"use strict";

const DECIMALS = 12;
const ONE = 10n ** BigInt(DECIMALS);
const PLAIN = /^[0-9]{1,13}(\.[0-9]{1,12})?$/;

function exact(text) {
  const plain = text.replace(/[\s,，]/g, "").replace(/[０-９．]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0));
  if (!PLAIN.test(plain)) return null;
  const [whole, part = ""] = plain.split(".");
  return BigInt(whole + part.padEnd(DECIMALS, "0"));
}

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

// A figure with so many decimals, half up.
function shown(figure, decimals) {
  const step = 10n ** BigInt(DECIMALS - decimals);
  const rounded = ((figure + step / 2n) / step).toString().padStart(decimals + 1, "0");
  if (decimals === 0) return grouped(rounded);
  return `${grouped(rounded.slice(0, -decimals))}.${rounded.slice(-decimals)}`;
}

function plainly(figure) {
  const text = figure.toString().padStart(DECIMALS + 1, "0");
  return `${text.slice(0, -DECIMALS)}.${text.slice(-DECIMALS)}`.replace(/\.?0+$/, "");
}

function workOut(row) {
  const [many, each] = [...row.querySelectorAll("[data-helper]")].map((input) => exact(input.value.trim()));
  if (many !== null && each !== null) row.querySelector("[data-quantity]").value = plainly((many * each) / ONE);
}

// Kilograms of one row, null when it has no readable figure.
function massOf(row) {
  const quantity = exact(row.querySelector("[data-quantity]").value.trim());
  const own = row.querySelector("[data-own]");
  const factor = (own && exact(own.value.trim())) || exact(row.dataset.factor || "");
  return quantity === null || factor === null ? null : (quantity * factor) / ONE;
}

// The whole root of a whole number (Newton).
function root(square) {
  if (square < 2n) return square;
  let guess = 1n << BigInt((square.toString(2).length + 1) >> 1);
  for (let next = (guess + square / guess) >> 1n; next < guess; next = (guess + square / guess) >> 1n) guess = next;
  return guess;
}

// What the server assumes of an own factor, in percent; of others it says so beside the row.
const OWN_SPREAD = 20n;

function spreadOf(row) {
  const own = row.querySelector("[data-own]");
  return own && exact(own.value.trim()) ? OWN_SPREAD : BigInt(row.dataset.spread || OWN_SPREAD);
}

function calculate(form) {
  let sum = 0n;
  let squares = 0n;
  for (const row of form.querySelectorAll("[data-row]")) {
    const mass = massOf(row);
    if (mass !== null) {
      sum += mass;
      squares += ((mass * spreadOf(row)) / 100n) ** 2n;
    }
    row.querySelector("[data-mass]").textContent = mass === null ? "—" : shown(mass, 2);
    const mark = row.querySelector("[data-suggested]");
    if (mark) mark.hidden = row.querySelector("[data-quantity]").value.trim() !== row.querySelector("[data-quantity]").dataset.suggestion;
  }
  const tonnes = sum / 1000n;
  form.querySelector("[data-total]").textContent = shown(tonnes, 3);
  const spread = root(squares);
  form.querySelector("[data-low]").textContent = shown((sum > spread ? sum - spread : 0n) / 1000n, 1);
  form.querySelector("[data-high]").textContent = shown((sum + spread) / 1000n, 1);
  form.querySelector("[data-range]").hidden = sum === 0n;
  form.querySelector("[data-due]").textContent = grouped(((sum + 1000n * ONE - 1n) / (1000n * ONE)).toString());
}

// The option that a further row has chosen brings its factor and its unit.
function takeFactor(select) {
  const row = select.closest("[data-row]");
  const option = select.selectedOptions[0];
  row.dataset.factor = option.dataset.factor || "";
  row.dataset.spread = option.dataset.spread || "";
  const unit = row.querySelector("[data-unit]");
  if (unit) unit.textContent = option.dataset.unit || "";
}

function startCalculator(form) {
  form.addEventListener("input", (event) => {
    const row = event.target.closest("[data-row]");
    if (row && event.target.matches("[data-helper]")) workOut(row);
    if (event.target.matches("[data-activity]")) takeFactor(event.target);
    calculate(form);
  });
  for (const select of form.querySelectorAll("[data-activity]")) takeFactor(select);
  calculate(form);
}

function addUp(form) {
  let fen = 0n;
  let tonnes = 0n;
  for (const input of form.querySelectorAll("[data-price-fen]")) {
    const text = input.value.trim();
    if (!/^[0-9]{1,9}$/.test(text)) continue;
    tonnes += BigInt(text);
    fen += BigInt(text) * BigInt(input.dataset.priceFen);
  }
  const cost = `¥${grouped((fen / 100n).toString())}.${(fen % 100n).toString().padStart(2, "0")}`;
  const output = form.querySelector("[data-chosen]");
  output.dataset.nothing ||= output.textContent;
  output.textContent = tonnes ? `${grouped(tonnes.toString())} / ${grouped(form.dataset.needed)} · ${cost}` : output.dataset.nothing;
}

// A fieldset that belongs to one way is hidden while another is chosen.
function showWays(form) {
  const chosen = form.querySelector("input[name=way]:checked");
  for (const part of form.querySelectorAll("[data-way]")) part.hidden = !chosen || part.dataset.way !== chosen.value;
}

// What was typed is kept in this tab until it is sent, so that changing the language or going back loses nothing.
function keep(form) {
  const key = `tanyi:${location.pathname}:${form.dataset.keep}`;
  const fields = [...form.elements].filter((input) => input.name && !["hidden", "file", "submit"].includes(input.type));
  const read = () => fields.map((input) => [input.name, ["checkbox", "radio"].includes(input.type) ? input.checked : input.value]);
  const kept = JSON.parse(sessionStorage.getItem(key) || "null");
  const isFresh = !form.querySelector("[aria-invalid]") && kept && kept.from === JSON.stringify(read());
  if (isFresh) kept.typed.forEach(([name, value], place) => {
    const input = fields[place];
    if (!input || input.name !== name) return;
    if (typeof value === "boolean") input.checked = value;
    else input.value = value;
  });
  const from = isFresh ? kept.from : JSON.stringify(read());
  form.addEventListener("input", () => sessionStorage.setItem(key, JSON.stringify({ from, typed: read() })));
  form.addEventListener("submit", () => sessionStorage.removeItem(key));
}

for (const form of document.querySelectorAll("form[data-keep]")) keep(form);
for (const form of document.querySelectorAll("form[data-calculator]")) startCalculator(form);
for (const form of document.querySelectorAll("form[data-basket]")) {
  form.addEventListener("input", () => addUp(form));
  addUp(form);
}
for (const form of document.querySelectorAll("form[data-ways]")) {
  form.addEventListener("change", () => showWays(form));
  showWays(form);
}
