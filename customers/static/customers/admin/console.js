// Everything here works without this file too: pages can be reloaded, and the server takes two clicks as one.
"use strict";

// Fetches a page's address. Whoever is not signed in any more is led to the login, which is no answer.
async function ask(address, headers = {}, signal = null) {
  const answer = await fetch(address, { credentials: "same-origin", redirect: "manual", headers, signal });
  if (answer.type === "opaqueredirect") {
    throw new SignedOut();
  }
  if (!answer.ok) {
    throw new Error(String(answer.status));
  }
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

class SignedOut extends Error {}

// Fills in what may take long, once. Where that fails, the place says so.
async function fill(element) {
  try {
    const parsed = await ask(element.dataset.fill);
    element.replaceWith(...parsed.body.childNodes);
    reachable(document);
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
document.addEventListener("submit", (event) => {
  const [form, button] = [event.target, event.target.querySelector("[data-once]")];
  if (!button || (event.submitter && !("once" in event.submitter.dataset))) {
    return; // or a button beside it, such as one that downloads and leaves the page where it is
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  button.setAttribute("aria-busy", "true");
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-count]");
  if (form && event.target.type === "checkbox") {
    count(form);
  }
});

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
  document.querySelectorAll("[data-shows]").forEach(samples);
  document.querySelectorAll("[data-fill]").forEach(fill);
});

// Paper is light, whatever the screen is.
let darkOnScreen = false;
function print(isPrinting) {
  const page = document.documentElement;
  if (isPrinting) {
    darkOnScreen ||= page.classList.contains("dark");
    page.classList.remove("dark");
  } else if (darkOnScreen) {
    darkOnScreen = false;
    page.classList.add("dark");
  }
}

addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
matchMedia("print").addEventListener("change", (event) => print(event.matches));

// A page that comes back from the browser's history must be usable again.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});
