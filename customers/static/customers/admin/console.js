// Everything here works without this file too: pages can be reloaded, and the server takes two clicks as one.
"use strict";

const PAUSE_MS = 2000;

function work(root) {
  return root.querySelector("[data-at-work]")?.dataset.atWork;
}

// Fetches a page's address. Whoever is not signed in any more is led to the login, which is no answer.
async function ask(address) {
  const answer = await fetch(address, { credentials: "same-origin", redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    throw new SignedOut();
  }
  if (!answer.ok) {
    throw new Error(String(answer.status));
  }
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

class SignedOut extends Error {}

// Says above what is shown that it is old, why and since when; what it shows is dimmed, as it is not so any more.
function stale(element, error) {
  const since = element.dataset.stale ?? new Date().toISOString().slice(11, 19);
  const why = error instanceof SignedOut
    ? "You are signed out: reload the page to sign in again."
    : "Connection lost: trying again by itself.";
  element.dataset.stale = since;
  let note = element.querySelector(":scope > .pb-lost");
  if (!note) {
    note = document.createElement("p");
    note.className = "pb-note pb-bad pb-lost";
    note.setAttribute("role", "alert");
    element.prepend(note);
  }
  const text = `${why} This is as it was at ${since} UTC.`;
  if (note.textContent !== text) {
    note.textContent = text;
  }
}

// Asks for the live part of a page, puts it in place, and reloads the page once what was under way is over:
// nothing is any more, or what was written is only waited for.
function poll(element) {
  setTimeout(async () => {
    try {
      const parsed = await ask(element.dataset.poll);
      if (!work(parsed) || work(parsed) !== work(element)) {
        location.reload();
        return;
      }
      delete element.dataset.stale;
      element.replaceChildren(...parsed.body.childNodes);
      once(element);
      reachable(element);
    } catch (error) {
      stale(element, error);
    }
    poll(element);
  }, document.hidden ? PAUSE_MS * 5 : PAUSE_MS);
}

// Reloads a page that waits for something, but only once the server answers: the browser would show its own.
function reloadSoon(element) {
  setTimeout(async () => {
    try {
      await ask(location.href);
      location.reload();
    } catch (error) {
      stale(element, error);
      reloadSoon(element);
    }
  }, Number(element.dataset.reload));
}

// Fills in what may take long, once. Where that fails, the place says so.
async function fill(element) {
  try {
    const parsed = await ask(element.dataset.fill);
    element.replaceWith(...parsed.body.childNodes);
  } catch {
    element.querySelector("b").textContent = "unknown"; // the session has ended, or this server is away
    element.querySelector("small").textContent = "could not be asked; reload the page";
  }
}

// Counts anew whom a form's ticks mean, and has its button say so. Where that fails, sending asks first anyway.
async function count(form) {
  const ticked = [...form.querySelectorAll("input[type=checkbox]:checked")].map((box) => [box.name, "on"]);
  try {
    const parsed = await ask(`${form.dataset.count}?${new URLSearchParams(ticked)}`);
    const told = parsed.getElementById("recipients");
    form.querySelector("[type=submit]").textContent = told.dataset.button;
    document.getElementById("recipients").replaceWith(told);
  } catch {
    form.querySelector("[type=submit]").textContent = "Count again";
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

// Lets the keyboard into what can be scrolled, and only where it can; named by the heading above it.
function reachable(root) {
  for (const region of root.querySelectorAll(".pb-scroll")) {
    if (region.scrollWidth > region.clientWidth) {
      region.tabIndex = 0;
      region.setAttribute("role", "region");
      region.setAttribute("aria-label", region.closest(".pb-card")?.querySelector("h2")?.textContent ?? "Table");
    } else {
      region.removeAttribute("tabindex");
      region.removeAttribute("role");
      region.removeAttribute("aria-label");
    }
  }
}

addEventListener("resize", () => reachable(document));
addEventListener("load", () => reachable(document)); // fonts and style sheets decide how wide a table is
document.addEventListener("htmx:afterSwap", (event) => reachable(event.target));

// A menu closes as menus do: by Escape, and by a click elsewhere.
function close(menu) {
  const inside = menu.contains(document.activeElement);
  menu.open = false;
  if (inside) {
    menu.querySelector("summary").focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.querySelectorAll(".pb-user[open]").forEach(close);
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".pb-user[open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

addEventListener("DOMContentLoaded", () => {
  once(document);
  document.querySelectorAll("[data-shows]").forEach(samples);
  document.querySelectorAll("[data-poll]").forEach(poll);
  document.querySelectorAll("[data-fill]").forEach(fill);
  for (const form of document.querySelectorAll("form[data-count]")) {
    form.addEventListener("change", (event) => event.target.type === "checkbox" && count(form));
  }
  for (const element of document.querySelectorAll("[data-reload]")) {
    reloadSoon(element);
  }
});

// A page that comes back from the browser's history must be usable again.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});
