// The approval queue by keyboard. Without this file everything is done by mouse or Tab.
(() => {
  const OFF = "queue-keys-off";
  const LOOK = 500; // milliseconds that a payment is in sight before it can be decided: a double press decides one
  const find = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const boxes = () => all(".queue [type=checkbox]");
  const current = () => find(".queue a[aria-current]")?.parentElement;
  const isOff = () => localStorage.getItem(OFF) === "1";
  const selected = new Set();
  const status = document.createElement("div");
  let busy = false;
  let shown;
  let since;

  status.className = "hidden";
  status.setAttribute("role", "status");
  document.body.append(status);
  const say = (text) => { status.textContent = text; };

  function move(step) {
    const rows = all(".queue a");
    const to = rows[current() ? rows.indexOf(current().querySelector("a")) + step : 0];
    if (to) to.click();
    else say("The list ends here.");
  }

  function reject(open) {
    const reasons = find("[data-reject]");
    if (!reasons) return say("You cannot reject this.");
    reasons.open = open;
    (open ? reasons.querySelector("select") : find("#pane-head")).focus();
  }

  function select(these, checked) {
    for (const box of these) {
      box.checked = checked ?? !box.checked;
      selected[box.checked ? "add" : "delete"](box.value);
    }
    count();
    say(`${selected.size} selected`);
  }

  function count() {
    const place = find("[data-selected]");
    if (place) place.textContent = selected.size ? `${selected.size} selected` : "";
  }

  function approve() {
    const form = find("[data-decision=approve]");
    if (form) form.requestSubmit();
    else say("You cannot approve this.");
  }

  function search() {
    const field = find("main [name=q]");
    field.closest("details").open = true;
    field.focus();
  }

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    a: approve,
    r: () => reject(true),
    o: () => find("[data-invoice]")?.click(),
    x: () => select(boxes().filter((box) => box.parentElement === current())),
    u: () => select(boxes(), false),
    "/": search,
    "?": () => find("#keys").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (key === "Escape") return target.closest("[data-reject]") ? reject(false) : target.matches("input") && target.blur();
    if (target.closest("input:not([type=checkbox]), textarea, select, dialog") || isOff() || !Object.hasOwn(keys, key)) return;
    event.preventDefault();
    if (!event.repeat && !busy) keys[key]();
  });

  // By key or mouse: only what was in sight is decided, and nothing while an answer is under way.
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.decision || (!busy && performance.now() - since > LOOK)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say("This is another payment. Look at it first.");
  }, true);

  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-keys]")) find("#keys").showModal();
    if (target.matches("[data-keys-close]")) find("#keys").close();
    if (target.matches("[data-keys-switch]")) {
      localStorage.setItem(OFF, isOff() ? "0" : "1");
      settle();
    }
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches(".queue input")) select([target], target.checked);
    if (target.matches("[data-prefill]") && target.value) {
      target.form.querySelector("textarea").value = target.value;
      target.removeAttribute("name"); // sent once, as it stands in the text
    }
  });

  // Puts back what a swap takes away.
  function settle() {
    const payment = find("#pane")?.dataset.payment;
    if (payment !== shown) [shown, since] = [payment, performance.now()];
    const there = boxes();
    for (const value of selected) if (!there.some((box) => box.value === value)) selected.delete(value);
    for (const box of there) box.checked = selected.has(box.value);
    count();
    const help = find("[data-keys]");
    if (!help) return;
    help.hidden = false;
    const button = find("[data-keys-switch]");
    button.textContent = `Keys are ${isOff() ? "off" : "on"}`;
    const number = find(".nav .count")?.firstChild;
    if (number) number.data = find("#workplace").dataset.waiting;
    current()?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("htmx:before:request", () => { busy = true; });
  document.addEventListener("htmx:finally:request", () => { busy = false; });
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    settle();
    if (detail.ctx.target.id !== "content") return; // the filter is being typed
    (find("#pane-head") ?? find("h1")).focus();
    say((find("main [role=alert]") ?? find(".flashes") ?? find("#pane-head"))?.textContent.replace(/\s+/g, " "));
  });
  settle();
})();
