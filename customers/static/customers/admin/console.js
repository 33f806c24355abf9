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

// Counts anew whom a form's ticks mean, and has its button say so. Where that fails, sending asks first anyway.
async function count(form) {
  const ticked = [...form.querySelectorAll("input[type=checkbox]:checked")].map((box) => [box.name, "on"]);
  try {
    const answer = await fetch(`${form.dataset.count}?${new URLSearchParams(ticked)}`, { redirect: "error" });
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
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
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      form.querySelector("[data-once]").setAttribute("aria-busy", "true");
    });
  }
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
  document.querySelectorAll("[data-poll]").forEach(poll);
  document.querySelectorAll("[data-fill]").forEach(fill);
  for (const form of document.querySelectorAll("form[data-count]")) {
    form.addEventListener("change", (event) => event.target.type === "checkbox" && count(form));
  }
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
