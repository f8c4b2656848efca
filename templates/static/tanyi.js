// What the pages do in the browser. Every page works without it; no inline script exists anywhere.
"use strict";
document.documentElement.classList.add("js");

const SHEETS = "details.menu[open], details.help[open]";
const LIVE_MS = 30000;

function openNavigation(button) {
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  document.body.classList.toggle("nav-open", !isOpen);
}

function closeMenusBut(keep) {
  for (const menu of document.querySelectorAll(SHEETS)) if (menu !== keep) menu.open = false;
}

// Esc closes what is open and gives the focus back to what opened it.
function closeOpened() {
  for (const sheet of document.querySelectorAll(SHEETS)) {
    if (sheet.contains(document.activeElement)) sheet.querySelector("summary").focus();
    sheet.open = false;
  }
  const toggle = document.querySelector("[data-nav][aria-expanded=true]");
  if (toggle) { openNavigation(toggle); toggle.focus(); }
}

function findSomething() {
  const field = document.querySelector("[data-find]");
  const toggle = document.querySelector("[data-nav][aria-expanded=false]");
  if (!field.offsetParent && toggle) openNavigation(toggle);
  field.focus();
  field.select();
}

// The figures of the home page, as they are now: asked for twice a minute while somebody looks.
async function refresh(part) {
  if (document.hidden || part.contains(document.activeElement)) return;
  try {
    const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
    if (answer.ok) part.innerHTML = await answer.text();
  } catch { /* the page keeps what it shows; the next try may succeed */ }
}

function fillSignIn(button) {
  const form = document.getElementById("sign-in");
  form.elements.username.value = button.dataset.username;
  form.elements.password.value = button.dataset.password;
  form.querySelector("button[type=submit]").focus();
}

function showCost(form) {
  const output = form.querySelector("[data-cost]");
  const price = BigInt(form.dataset.priceFen);
  const text = form.elements.quantity_t.value.trim();
  if (!/^[0-9]{1,12}$/.test(text)) { output.textContent = "—"; return; }
  const fen = price * BigInt(text);
  const yuan = (fen / 100n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  output.textContent = `¥${yuan}.${(fen % 100n).toString().padStart(2, "0")}`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  closeMenusBut(event.target.closest("details.menu, details.help"));
  if (!button) return;
  if (button.matches("[data-nav]")) openNavigation(button);
  if (button.matches("[data-print]")) window.print();
  if (button.matches("[data-dismiss]")) button.closest(".notice").remove();
  if (button.matches("[data-username]")) fillSignIn(button);
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") closeOpened();
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    findSomething();
  }
});
document.addEventListener("submit", (event) => {
  // A second click must not send the form twice; the server holds this too.
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
for (const form of document.querySelectorAll("form[data-price-fen]")) {
  form.addEventListener("input", () => showCost(form));
  showCost(form);
}
for (const part of document.querySelectorAll("[data-live]")) setInterval(() => refresh(part), LIVE_MS);
