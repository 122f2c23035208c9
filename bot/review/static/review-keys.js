// Keys that act: one letter each, and none while somebody writes.

/** Whether keys that are pressed in an element write. */
export const isWriting = (element) => element.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

/** @param actions functions by key; a key is a letter where it stands on a Latin keyboard, whatever is typed with it */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    if (event.key === "Escape") return leave(event);
    if (event.ctrlKey || event.metaKey) return;
    if (isWriting(event.target) || document.querySelector("dialog[open]")) return;
    const action = actions[event.key] ?? actions[latin(event)];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

/** With a Russian keyboard the key g types п: what counts is where it stands. */
function latin(event) {
  if (event.code.startsWith("Key")) return event.code.slice(3).toLowerCase();
  return event.code === "Slash" && !event.shiftKey && event.key === "." ? "/" : event.key;
}

function leave(event) {
  if (document.querySelector("dialog[open]") || !isWriting(event.target)) return;
  event.target.blur();
}
