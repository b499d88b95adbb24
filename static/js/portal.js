// Small comforts. Every page works without them.

// A copy button beside each value that people paste into their bank.
function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const box of root.querySelectorAll("[data-copy]:not([data-ready])")) {
    box.dataset.ready = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${box.dataset.copy}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.querySelector(".value").textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    box.append(button);
  }
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// A form is sent once, however often its button is pressed. The button is not disabled: its name must be sent along.
// Seconds later nobody presses twice by mistake: what was stopped on its way may go again, and counts once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented || "again" in form.dataset) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  if (form.elements.idempotency_key) setTimeout(() => { delete form.dataset.sent; }, 5000);
});

// Back from another page, a kept page's forms may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Nothing is decided in the first half second in which a payment is in sight: a double press decides one.
let inSightSince = performance.now();
document.addEventListener("submit", (event) => {
  if (!event.target.dataset.decision || performance.now() - inSightSince > 500) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

document.addEventListener("htmx:after:swap", () => {
  inSightSince = performance.now();
  addCopyButtons(document);
});
addCopyButtons(document);

// Where the menu does not fit, the page's own entry is in sight.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
