// The approval queue by keyboard. Without this file everything is done by mouse or Tab.
(() => {
  const OFF = "queue-keys-off";
  const LOOK = 500; // milliseconds that a payment is shown before it can be decided: a double press decides one
  const find = (selector) => document.querySelector(selector);
  const selected = new Set();
  const status = document.createElement("div");
  let busy = false;
  let shown = "";
  let since = 0;

  status.className = "hidden";
  status.setAttribute("role", "status");
  document.body.append(status);
  const say = (text) => { status.textContent = text.replace(/\s+/g, " ").trim(); };
  const isOff = () => localStorage.getItem(OFF) === "1";

  function move(step) {
    const rows = [...document.querySelectorAll(".queue a")];
    const at = rows.findIndex((row) => row.hasAttribute("aria-current"));
    const to = rows[at < 0 ? 0 : at + step];
    if (to) to.click();
    else say(step > 0 ? "This was the last of the list." : "This was the first of the list.");
  }

  function approve() {
    const form = find('[data-decision="approve"]');
    if (form) form.requestSubmit();
    else say("This payment cannot be approved by you now.");
  }

  function reject(open = true) {
    const reasons = find("[data-reject]");
    if (!reasons) return;
    reasons.open = open;
    (open ? reasons.querySelector("select") : find("#pane-head"))?.focus();
  }

  function select(boxes, checked) {
    for (const box of boxes) {
      box.checked = checked ?? !box.checked;
      selected[box.checked ? "add" : "delete"](box.value);
    }
    count();
    say(find("[data-selected]")?.textContent || "Nothing is selected.");
  }

  function count() {
    const place = find("[data-selected]");
    if (place) place.textContent = selected.size ? `${selected.size} selected` : "";
  }

  const boxes = () => [...document.querySelectorAll(".queue [type=checkbox]")];
  const current = () => find(".queue a[aria-current]")?.parentElement;
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    a: approve,
    r: () => reject(),
    o: () => find("[data-invoice]")?.click(),
    x: () => select(boxes().filter((box) => box.parentElement === current())),
    u: () => select(boxes(), false),
    "/": () => find("main [name=q]")?.focus(),
    "?": () => find("#keys")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
    if (event.key === "Escape" && field && !field.matches("dialog")) return field.closest("[data-reject]") ? reject(false) : field.blur();
    if (field || isOff() || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    if (!event.repeat && !busy) keys[event.key]();
  });

  // By key or by mouse: only what was there to be seen is decided, and nothing while an answer is under way.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-decision]") || (!busy && performance.now() - since > LOOK)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!busy) say("This is another payment now. Look at it first.");
  }, true);

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) find("#keys").showModal();
    if (event.target.closest("[data-keys-close]")) find("#keys").close();
    if (event.target.closest("[data-keys-switch]")) {
      localStorage.setItem(OFF, isOff() ? "0" : "1");
      settle();
    }
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches(".queue [type=checkbox]")) select([target], target.checked);
    if (target.matches("[data-prefill]") && target.value) {
      target.form.querySelector("textarea").value = target.value;
      target.removeAttribute("name"); // the sentence is sent once, as it stands in the text
    }
  });

  // What a swap takes away is put back: the selection, the switch, the number in the menu, the place in the list.
  function settle() {
    const payment = find("#pane")?.dataset.payment ?? "";
    if (payment !== shown) [shown, since] = [payment, performance.now()];
    const there = new Set(boxes().map((box) => box.value));
    for (const value of selected) if (!there.has(value)) selected.delete(value);
    for (const box of boxes()) box.checked = selected.has(box.value);
    count();
    const help = find("[data-keys]");
    if (help) help.hidden = false;
    const button = find("[data-keys-switch]");
    button?.setAttribute("aria-pressed", String(!isOff()));
    if (button) button.textContent = isOff() ? "Keys are off" : "Keys are on";
    const waiting = find("#workplace")?.dataset.waiting;
    const number = find(".nav .count")?.firstChild;
    if (waiting && number) number.data = waiting;
    current()?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("htmx:before:request", () => { busy = true; });
  document.addEventListener("htmx:finally:request", () => { busy = false; });
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    settle();
    if (detail.ctx.target?.id !== "content") return; // the filter is being typed
    (find("#pane-head") ?? find("h1"))?.focus();
    say((find("main [role=alert]") ?? find("main .flashes") ?? find("#pane-head"))?.textContent ?? "");
  });
  settle();
})();
