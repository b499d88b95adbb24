// The API's reference: calls can be tried with the browser's own session.
const reference = document.querySelector("[data-api-csrf]");

function addressOf(form) {
  const query = new URLSearchParams();
  let path = form.dataset.apiPath;
  for (const input of form.querySelectorAll("input")) {
    if (input.dataset.place === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value.trim()));
    else if (input.dataset.place === "query" && input.value) query.append(input.name, input.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function headersOf(form) {
  const headers = { "X-CSRFToken": reference.dataset.apiCsrf };
  for (const input of form.querySelectorAll("[data-place=header]")) if (input.value) headers[input.name] = input.value;
  if (form.querySelector("textarea")) headers["Content-Type"] = "application/json";
  return headers;
}

function shown(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function send(form) {
  const answer = form.querySelector("pre");
  const body = form.querySelector("textarea")?.value;
  answer.hidden = false;
  answer.textContent = "…";
  try {
    const response = await fetch(addressOf(form), { method: form.dataset.apiMethod, headers: headersOf(form), body });
    answer.textContent = `${response.status} ${response.statusText}\n\n${shown(await response.text())}`;
  } catch {
    answer.textContent = "No answer came. Look whether it was done before you send it again.";
  }
}

// An address that names an operation opens it.
function open() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) { named.open = true; named.scrollIntoView(); }
}

for (const form of document.querySelectorAll("form[data-api-path]")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
}
window.addEventListener("hashchange", open);
open();
