// Sends forms and buttons marked data-call to the JSON API, as the API wants them: JSON, with the CSRF header.
"use strict";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const english = document.documentElement.lang === "en";

async function call(path, body, done) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": csrf },
    body: JSON.stringify(body),
  });
  if (answer.ok) {
    location.assign(done || location.href);
    return;
  }
  const { error } = await answer.json().catch(() => ({ error: null }));
  const message = error ? (english ? error.message_en : error.message_zh) : answer.statusText;
  document.querySelector("#error").textContent = error?.field ? `${error.field}: ${message}` : message;
}

for (const form of document.querySelectorAll("form[data-call]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    call(form.dataset.call, Object.fromEntries(new FormData(form)), form.dataset.done);
  });
}

for (const button of document.querySelectorAll("button[data-call]")) {
  button.addEventListener("click", () => call(button.dataset.call, {}, button.dataset.done));
}
