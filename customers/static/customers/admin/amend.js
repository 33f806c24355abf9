// Has what is shown become what the server says now, by what differs between its last two answers. Whatever
// the server did not change is left alone, with its focus, its selection, what was typed into it and opened.
"use strict";

function amend(shown, before, after) {
  if (before.isEqualNode(after)) {
    return;
  }
  if (after.nodeType !== Node.ELEMENT_NODE) {
    shown.data = after.data;
    return;
  }
  for (const name of new Set([...before.getAttributeNames(), ...after.getAttributeNames()])) {
    const value = after.getAttribute(name);
    if (value === null) {
      shown.removeAttribute(name);
    } else if (value !== before.getAttribute(name)) {
      shown.setAttribute(name, value);
    }
  }
  amendChildren(shown, before, after);
}

function amendChildren(shown, before, after) {
  const [here, old, fresh] = [shown, before, after].map((one) => [...one.childNodes]);
  if (here.length !== old.length) { // a script has been at it
    shown.replaceChildren(...fresh.map(copied));
    return;
  }
  let at = 0;
  const stay = pairs(old, fresh);
  for (const [number, child] of fresh.entries()) {
    if (stay.has(number)) {
      here.slice(at, stay.get(number)).forEach((gone) => gone.remove());
      at = stay.get(number);
      amend(here[at], old[at], child);
      at += 1;
    } else {
      shown.insertBefore(copied(child), here[at] ?? null);
    }
  }
  here.slice(at).forEach((gone) => gone.remove());
}

function copied(node) {
  return document.importNode(node, true);
}

// The most children that can stay, in their order: which of the old ones each of the new ones is.
function pairs(old, fresh) {
  const most = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      most[i][j] = alike(old[i], fresh[j]) ? most[i + 1][j + 1] + 1 : Math.max(most[i + 1][j], most[i][j + 1]);
    }
  }
  const found = new Map();
  for (let i = 0, j = 0; i < old.length && j < fresh.length; ) {
    if (alike(old[i], fresh[j])) {
      found.set(j, i);
      i += 1;
      j += 1;
    } else if (most[i + 1][j] >= most[i][j + 1]) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return found;
}

// No button and no link may become another one under somebody's finger.
function alike(one, other) {
  return one.nodeName === other.nodeName && name(one) === name(other);
}

function name(node) {
  return node.nodeType === Node.ELEMENT_NODE
    ? ["id", "name", "action", "href"].map((attribute) => node.getAttribute(attribute)).join(" ")
    : "";
}
