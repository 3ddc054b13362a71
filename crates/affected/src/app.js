// Keeps a person on this page: forms go to the answering server, and what it answers takes the place of what stands here.
// Without this file the same forms lead to that server's own pages. Nothing is kept, and nothing else is asked.
"use strict";

const api = document.querySelector('meta[name="hudun-api"]').content;
const failed = document.getElementById("failed").content.firstElementChild;
let busy = false;

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (busy) return;
  busy = true;
  ask(event.target)
    .catch(fail)
    .finally(() => {
      busy = false;
      document.body.removeAttribute("aria-busy");
    });
});

async function ask(form) {
  document.body.setAttribute("aria-busy", "true");
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    mode: "cors",
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    referrerPolicy: "no-referrer",
  });
  if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) throw new Error("no page");
  show(new DOMParser().parseFromString(await answer.text(), "text/html"));
}

/** What was answered stands here, with its links and forms led the right way, and the focus where one goes on. */
function show(page) {
  if (!page.querySelector("main h1")) throw new Error("no page");
  for (const link of page.querySelectorAll('a[href^="/?lang="]')) {
    link.setAttribute("href", link.getAttribute("href").startsWith("/?lang=zh") ? "index.html" : "en.html");
  }
  for (const form of page.querySelectorAll("form")) form.setAttribute("action", api + form.getAttribute("action"));
  document.title = page.title;
  document.documentElement.lang = page.documentElement.lang;
  document.body.replaceChildren(...page.body.children);
  const title = document.querySelector("main h1");
  title.tabIndex = -1;
  (document.querySelector("[autofocus]") ?? title).focus();
  if (document.activeElement === title) window.scrollTo(0, 0);
}

/** Nothing came: it is said, and what was typed stays. */
function fail() {
  const main = document.querySelector("main");
  main.querySelector(".failed")?.remove();
  main.querySelector("h1").after(document.importNode(failed, true));
}
