// What the pages ask of the server; each change can be taken back.

const texts = JSON.parse(document.body.dataset.texts);
const token = document.querySelector("meta[name=csrf-token]")?.content ?? "";
const TOAST_MS = 6_000;

const undos = [];
let timer = 0;

/** A request that was not taken; the message is a sentence for the operator. */
export class Refused extends Error {}

export { texts };

export async function read(path) {
  return (await answered(path, {})).json();
}

/** Ask for something; returns the answer. Throws Refused. */
export async function ask(method, path, body) {
  const response = await answered(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = await response.text();
  return (content && JSON.parse(content)) || {};
}

/** Ask for something and say so; returns the answer, or null after telling the operator why not. */
export async function act(method, path, body, sentence = texts.saved) {
  try {
    const answer = await ask(method, path, body);
    if (answer.undo) undos.push(answer.undo);
    if (sentence) toast(sentence, Boolean(answer.undo));
    return answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message || texts.not_saved, false, true);
    return null;
  }
}

export async function undoLast() {
  const undo = undos.pop();
  if (!undo) return;
  if (await act("POST", "/review/api/undo", { undo }, texts.undone_toast)) document.dispatchEvent(new Event("changed"));
}

export function toast(sentence, canUndo = false, isBad = false) {
  const element = document.querySelector("#toast");
  document.querySelector("#toast-text").textContent = sentence;
  document.querySelector("#toast-undo").hidden = !canUndo;
  element.classList.toggle("bad", isBad);
  element.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (element.hidden = true), TOAST_MS);
}

document.querySelector("#toast-undo").addEventListener("click", undoLast);

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused("");
  }
  // The session has ended: nothing but the login helps.
  if (response.status === 401) location.assign(`/review/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (!response.ok) {
    // A proxy in between answers without our sentence.
    const { error = "" } = await response.json().catch(() => ({}));
    throw new Refused(error);
  }
  return response;
}
