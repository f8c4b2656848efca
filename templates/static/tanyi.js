// What the pages do in the browser. Every page works without it; no inline script exists anywhere.
"use strict";
document.documentElement.classList.add("js");

function openNavigation(button) {
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  document.body.classList.toggle("nav-open", !isOpen);
}

function closeMenusBut(keep) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== keep) menu.open = false;
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
  closeMenusBut(event.target.closest("details.menu"));
  if (!button) return;
  if (button.matches("[data-nav]")) openNavigation(button);
  if (button.matches("[data-print]")) window.print();
  if (button.matches("[data-dismiss]")) button.closest(".notice").remove();
  if (button.matches("[data-username]")) fillSignIn(button);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenusBut(null);
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
