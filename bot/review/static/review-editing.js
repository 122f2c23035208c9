// Edits a text in its place: Ctrl+Enter saves it, Esc leaves it as it was.

import { texts } from "./review-api.js";

export function editText(turn, before, hint, save) {
  if (turn.querySelector("form.editing")) return turn.querySelector("form.editing textarea").focus();
  const form = document.createElement("form");
  const field = document.createElement("textarea");
  const buttons = document.createElement("div");
  form.className = "editing";
  field.value = before;
  field.setAttribute("aria-label", hint);
  field.placeholder = hint;
  field.rows = Math.min(12, Math.max(2, Math.ceil(before.length / 60)));
  buttons.className = "editing-buttons";
  buttons.append(button(texts.save, "main-button", "submit"), button(texts.cancel, "quiet-button", "button"));
  form.append(field, buttons);
  turn.querySelector(".tools").before(form);
  field.focus();

  const close = () => {
    form.remove();
    turn.focus({ preventScroll: true });
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const text = field.value.trim();
    // Closed first: the page replaces the turn, and would leave it alone while it is written in.
    close();
    await save(text);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  buttons.lastElementChild.addEventListener("click", close);
}

function button(label, className, type) {
  const element = document.createElement("button");
  element.type = type;
  element.className = className;
  element.textContent = label;
  return element;
}
