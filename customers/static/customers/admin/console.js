// Everything here works without this file too: pages can be reloaded, and the server takes two clicks as one.
"use strict";

const PAUSE_MS = 2000;

function work(root) {
  return root.querySelector("[data-at-work]")?.dataset.atWork;
}

// Asks for the live part of a page, puts it in place, and reloads the page once what was under way is over:
// nothing is any more, or what was written is only waited for.
function poll(element) {
  setTimeout(async () => {
    try {
      const answer = await fetch(element.dataset.poll, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!work(parsed) || work(parsed) !== work(element)) {
        location.reload();
        return;
      }
      element.replaceChildren(...parsed.body.childNodes);
      once(element);
    } catch {
      element.dataset.stale = "yes"; // the server is away or the session has ended: try again, more slowly
    }
    poll(element);
  }, document.hidden ? PAUSE_MS * 5 : PAUSE_MS);
}

// Fills in what may take long, once. Where that fails, the place says so.
async function fill(element) {
  try {
    const answer = await fetch(element.dataset.fill, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    element.replaceWith(...parsed.body.childNodes);
  } catch {
    element.querySelector("b").textContent = "unknown"; // the session has ended, or this server is away
    element.querySelector("small").textContent = "could not be asked; reload the page";
  }
}

// Keeps a form from being sent twice by a double click, and says that it was heard.
function once(root) {
  for (const form of root.querySelectorAll("form:has([data-once])")) {
    form.addEventListener("submit", (event) => {
      if (event.submitter && !("once" in event.submitter.dataset)) {
        return; // a button beside it, such as one that downloads and leaves the page where it is
      }
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      form.querySelector("[data-once]").setAttribute("aria-busy", "true");
    });
  }
}

// Shows values of the column that was chosen, or opens the place for a value that is no column's; without this
// file both come with the next answer.
function samples(select) {
  const rows = [...document.querySelectorAll("[data-samples-of]")];
  select.addEventListener("change", () => {
    const row = rows.find((one) => one.dataset.samplesOf === select.value);
    select.parentElement.querySelector("details").open ||= select.value === "=";
    document.getElementById(select.dataset.shows).textContent = row ? row.querySelector("td").textContent : "";
  });
}

addEventListener("DOMContentLoaded", () => {
  once(document);
  document.querySelectorAll("[data-shows]").forEach(samples);
  document.querySelectorAll("[data-poll]").forEach(poll);
  document.querySelectorAll("[data-fill]").forEach(fill);
  for (const element of document.querySelectorAll("[data-reload]")) {
    setTimeout(() => location.reload(), Number(element.dataset.reload));
  }
});

// A page that comes back from the browser's history must be usable again.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});
