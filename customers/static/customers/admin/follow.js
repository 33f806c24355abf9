// Follows what is under way: asks for the page again, less often with time, and amends what is shown. What
// keeps it from that is said in the one place where the server says what keeps the work from moving.
"use strict";

const EAGER_MS = 2000;
const LAZY_MS = 15000;
const EAGER_FOR_MS = 60000;
const TOO_LONG_MS = 20000;

function follow(root) {
  const shown = root.querySelector(".pb-followed");
  const state = root.querySelector(".pb-state");
  let before = shown.cloneNode(true);
  let since = performance.now();
  let asking = false;
  let timer;

  function pause(took) {
    const waited = performance.now() - since;
    const slow = waited < EAGER_FOR_MS ? EAGER_MS : Math.min(waited / 30, LAZY_MS);
    return Math.max(document.hidden ? LAZY_MS : slow, took * 5); // and never a burden to a server that is slow
  }

  async function look() {
    const begun = performance.now();
    clearTimeout(timer);
    asking = true;
    try {
      take(await ask(location.href, { "X-Follow": root.dataset.follow }, AbortSignal.timeout(TOO_LONG_MS)));
    } catch (error) {
      lose(root, state, error);
    }
    asking = false;
    if (root.dataset.follow) {
      timer = setTimeout(look, pause(performance.now() - begun));
    }
  }

  function take(page) {
    const fresh = page.getElementById("followed");
    const after = fresh.querySelector(".pb-followed");
    for (const same of after.querySelectorAll("[data-same]")) {
      same.replaceWith(page.importNode(before.querySelector(`#${same.id}`), true));
    }
    const focused = document.activeElement;
    amend(shown, before, after);
    before = after;
    find(root, state, fresh);
    reachable(shown);
    if (focused?.isConnected === false) {
      shown.focus({ preventScroll: true }); // rather here than at the top of the page
    }
  }

  // Somebody has come back to it, or the network has.
  function again() {
    since = performance.now();
    if (root.dataset.follow && !asking && !document.hidden) {
      look();
    }
  }

  shown.tabIndex = -1;
  timer = setTimeout(look, EAGER_MS);
  document.addEventListener("visibilitychange", again);
  addEventListener("online", again);
}

// It is found again: shows what the server says, and only if that is something else, as it is read out.
function find(root, state, fresh) {
  const says = fresh.querySelector(".pb-state");
  const is = (one) => one.textContent.replace(/\s+/g, " ");
  delete root.dataset.stale;
  if (is(state) !== is(says)) {
    state.replaceChildren(...[...says.childNodes].map(copied));
  }
  if (fresh.dataset.follow) {
    root.dataset.follow = fresh.dataset.follow;
  } else {
    delete root.dataset.follow; // it is over
  }
}

// Says that what is shown is old, why and since when; it is dimmed, as it is not so any more.
function lose(root, state, error) {
  root.dataset.stale ??= new Date().toISOString().slice(11, 19);
  const why = error instanceof SignedOut ? "Signed out" : "Connection lost";
  let note = state.querySelector(".pb-lost");
  if (note?.dataset.why === why) {
    return;
  }
  note?.remove();
  note = document.createElement("p");
  note.className = "pb-note pb-bad pb-lost";
  note.dataset.why = why;
  note.append(`${why}: `, ...(error instanceof SignedOut ? wayIn() : ["trying again by itself."]));
  note.append(` This is as it was at ${root.dataset.stale} UTC.`);
  state.append(note);
}

function wayIn() {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "sign in again";
  return [link, "."];
}

addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-follow]").forEach(follow));
