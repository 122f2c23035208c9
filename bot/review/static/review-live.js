// Keeps a page as the server has it: when something changes, the parts of the page that differ are replaced.

import { showTimes } from "./review-times.js";

const SILENCE_MS = 40_000;
const AGAIN_MS = 2_000;
const SETTLE_MS = 60;

let running = null;
let next = null;

/** Read the page again and replace what differs; what somebody writes in stays as it is. */
export function refresh() {
  // What is being read was perhaps read before the change: whoever asks now waits for one more reading.
  if (running) {
    next ??= running.then(() => {
      next = null;
      return refresh();
    });
    return next;
  }
  running = reread().finally(() => (running = null));
  return running;
}

async function reread() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  // Somebody has asked to be forgotten: nothing of it stays on the screen.
  if (response?.status === 404) return location.replace("/review");
  if (!response?.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  showTimes(fresh);
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const shown = document.querySelector(`[data-live="${part.dataset.live}"]`);
    if (shown) replace(shown, part);
  }
  for (const shown of document.querySelectorAll("[data-live]")) {
    if (!fresh.querySelector(`[data-live="${shown.dataset.live}"]`)) shown.remove();
  }
  document.dispatchEvent(new Event("refreshed"));
}

function replace(shown, fresh) {
  // A list is compared item by item, so that focus, selection and open details of the others survive.
  if (shown.id === "turns" || shown.querySelector(":scope > #rows")) return replaceItems(shown, fresh);
  if (shown.dataset.html === fresh.outerHTML || isWrittenIn(shown)) return;
  const focused = shown.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...shown.querySelectorAll("details")].map((each) => each.open);
  const html = fresh.outerHTML;
  const made = document.importNode(fresh, true);
  if (made.isEqualNode(shown)) return;
  shown.replaceWith(made);
  made.querySelectorAll("details").forEach((each, index) => (each.open = open[index] ?? false));
  made.dataset.html = html;
  if (focused) document.getElementById(focused)?.focus();
}

function replaceItems(shown, fresh) {
  const from = fresh.querySelector("#rows") ?? fresh;
  const into = shown.querySelector("#rows") ?? shown;
  const key = (item) => item.id || item.dataset.id;
  const before = new Map([...into.children].map((item) => [key(item), item]));
  let next = into.firstElementChild;
  for (const item of [...from.children]) {
    let kept = before.get(key(item));
    before.delete(key(item));
    if (!kept || !(isAsShown(kept, item) || isWrittenIn(kept))) {
      const made = document.importNode(item, true);
      made.dataset.html = item.outerHTML;
      if (kept) {
        carryOver(kept, made);
        const isFocused = kept === document.activeElement || kept.contains(document.activeElement);
        if (next === kept) next = kept.nextElementSibling;
        kept.replaceWith(made);
        if (isFocused) (made.matches("[tabindex]") ? made : made.querySelector("a, button")).focus({ preventScroll: true });
      } else into.insertBefore(made, next);
      kept = made;
    } else if (kept === next) next = next.nextElementSibling;
    else into.insertBefore(kept, next);
  }
  for (const item of before.values()) item.remove();
}

/** Say whether an item is as the server has it: nobody's click is lost to a new one that would look the same. */
function isAsShown(kept, item) {
  if (kept.dataset.html === item.outerHTML) return true;
  const bare = kept.cloneNode(true);
  bare.classList.remove("current", "picked");
  return bare.isEqualNode(item);
}

/** What the server does not know of: which row is picked or current, which details are open. */
function carryOver(kept, made) {
  for (const name of ["current", "picked"]) made.classList.toggle(name, kept.classList.contains(name));
  const pick = made.querySelector(".pick");
  if (pick) pick.checked = kept.querySelector(".pick").checked;
  const details = kept.querySelector(".draws");
  if (details) {
    made.append(details);
    made.querySelector("[data-details]")?.setAttribute("aria-expanded", "true");
  }
}

function isWrittenIn(element) {
  if (element.querySelector("form.editing")) return true;
  return [...element.querySelectorAll("textarea, input:not([type=checkbox]):not([type=hidden])")].some(
    (field) => field.value !== field.defaultValue,
  );
}

/** Hear what changes, for as long as the page is seen. */
export function followPage(dialogue = "", hear = {}) {
  let source = null;
  let timer = 0;
  let settling = 0;

  function start() {
    stop();
    source = new EventSource(`/review/api/events?dialogue=${dialogue}`);
    source.addEventListener("error", again);
    source.addEventListener("open", () => {
      alive();
      refresh();
    });
    source.addEventListener("beat", alive);
    source.addEventListener("changed", () => {
      alive();
      clearTimeout(settling);
      settling = setTimeout(refresh, SETTLE_MS);
    });
    source.addEventListener("proposal", (event) => {
      alive();
      hear.proposal?.(JSON.parse(event.data));
    });
  }

  function stop() {
    clearTimeout(timer);
    source?.close();
  }

  function again() {
    stop();
    document.querySelector("#offline").hidden = false;
    timer = setTimeout(start, AGAIN_MS * (0.75 + Math.random() / 2));
  }

  function alive() {
    document.querySelector("#offline").hidden = true;
    clearTimeout(timer);
    timer = setTimeout(again, SILENCE_MS);
  }

  // A browser opens six connections to a server at most: tabs that nobody looks at keep none.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  document.addEventListener("changed", refresh);
  start();
}
