// The approval queue by keyboard. Without this file everything is done by mouse or Tab.
const OFF = "queue-keys-off";
const on = (...listener) => document.addEventListener(...listener);
const find = (selector) => document.querySelector(selector);
const boxes = () => [...document.querySelectorAll(".queue input")];
const current = () => find(".queue a[aria-current]")?.parentElement;
const isOff = () => localStorage.getItem(OFF) === "1";
const selected = new Set();
let steps = 0; // rows that j and k have gone and the page has not
const status = document.createElement("p");
let busy = false;
let moving = false;

status.className = "hidden";
status.role = "status";
document.body.append(status);
const say = (text) => { status.textContent = text; };

// Pressed faster than pages come, the rows between are passed over.
function move(by) {
  steps += by;
  if (busy) return;
  const rows = [...document.querySelectorAll(".queue li")];
  const here = rows.indexOf(current());
  const row = rows[Math.min(Math.max(here + steps, 0), rows.length - 1)];
  steps = 0;
  if (!row || row === rows[here]) return say("The list ends here.");
  moving = true;
  row.querySelector("a").click();
}

function reject(open) {
  const reasons = find("[data-reject]");
  if (!reasons) return say("You cannot reject this.");
  reasons.open = open;
  (open ? reasons.querySelector("select") : find("#pane-head")).focus();
}

function approve() {
  const form = find("[data-decision=approve]");
  if (form) form.requestSubmit();
  else say("You cannot approve this.");
}

function select(these, isOn) {
  for (const box of these) box.checked = isOn(box);
  say(count());
}

function count() {
  selected.clear();
  for (const box of boxes()) if (box.checked) selected.add(box.value);
  const text = `${selected.size} selected`;
  const place = find("[data-selected]");
  if (place) place.textContent = text;
  return text;
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  a: approve,
  r: () => reject(true),
  o: () => find("[data-invoice]")?.click(),
  x: () => select(boxes().filter((box) => box.parentElement === current()), (box) => !box.checked),
  u: () => select(boxes(), () => false),
  "/": () => find("[data-search]").focus(),
  "?": () => find("#keys").showModal(),
};

on("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape") return target.closest("[data-reject]") ? reject(false) : target.matches("input") && target.blur();
  if (target.closest("input:not([type=checkbox]), textarea, select, dialog") || isOff() || !Object.hasOwn(keys, key)) return;
  event.preventDefault();
  if (!event.repeat && (!busy || (moving && "jk".includes(key)))) keys[key]();
});

// By key or mouse: nothing is decided while an answer is under way, and what portal.js held back is said.
on("submit", (event) => {
  if (!event.target.dataset.decision || !(busy || event.defaultPrevented)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  say("This is another payment. Look at it first.");
}, true);

on("click", ({ target }) => {
  if (target.closest("[data-keys]")) find("#keys").showModal();
  if (target.matches("[data-keys-close]")) find("#keys").close();
  if (!target.matches("[data-keys-switch]")) return;
  localStorage.setItem(OFF, isOff() ? "0" : "1");
  settle();
});

on("change", ({ target }) => {
  if (target.matches(".queue input")) select([target], () => target.checked);
  if (!target.matches("[data-prefill]") || !target.value) return;
  const field = target.form.querySelector("textarea");
  const ready = [...target.options].findLast(({ value }) => field.value.startsWith(value)).value; // "" is one of them
  field.value = `${target.value} ${field.value.slice(ready.length).trim()}`.trim(); // one's own words follow, as on the server
  target.removeAttribute("name"); // sent once, as it stands in the text
});

// Puts back what a swap takes away.
function settle() {
  for (const box of boxes()) box.checked = selected.has(box.value);
  count();
  const help = find("[data-keys]");
  if (!help) return;
  help.hidden = false;
  find("[data-keys-switch]").textContent = `Keys are ${isOff() ? "off" : "on"}`;
  const number = find(".nav .count")?.firstChild;
  if (number) number.data = find("#workplace").dataset.waiting;
  current()?.scrollIntoView({ block: "nearest" });
}

on("htmx:before:request", () => { busy = true; });
on("htmx:finally:request", () => {
  busy = moving = false;
  if (steps) move(0);
});
on("htmx:error", () => {
  steps = 0;
  const text = "No answer came. Press again: nothing is done twice.";
  find("#workplace").insertAdjacentHTML("afterbegin", `<p class="notice bad" role="alert">${text}</p>`);
});
on("htmx:after:swap", ({ detail }) => {
  settle();
  if (detail.ctx.target.id !== "content") return; // the filter is being typed
  (find("#pane-head") ?? find("h1")).focus();
  if (find(".flashes")) scrollTo(0, 0);
  say((find("main [role=alert]") ?? find(".flashes") ?? find("#pane-head"))?.textContent.replace(/\s+/g, " "));
});
settle();
