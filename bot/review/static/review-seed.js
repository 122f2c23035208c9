// The seed workshop: what is written in the editor is measured and tried beside what is at work.

import { act, ask, Refused, texts } from "./review-api.js";

const PAUSE_MS = 1_200;

const { seed: name, version, kind, follows } = document.body.dataset;
const editor = () => document.querySelector("#content");
const said = { current: [], draft: [] };
let timer = 0;
let measuring = 0;

export function startSeed() {
  editor().addEventListener("input", edited);
  editor().addEventListener("keydown", tryOnEnter);
  document.querySelector("#words").addEventListener("keydown", tryOnEnter);
  document.querySelector("#words").addEventListener("change", measure);
  document.querySelector("#trial-form").addEventListener("submit", (event) => (event.preventDefault(), tryOut()));
  document.querySelector("#save-form").addEventListener("submit", (event) => (event.preventDefault(), save()));
  document.querySelector("#discard").addEventListener("click", () => write(editor().defaultValue));
  document.querySelector("#anew").addEventListener("click", startAnew);
  for (const button of document.querySelectorAll("[data-open]")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      write(button.closest("[data-content]").dataset.content);
      editor().focus();
      editor().scrollIntoView({ block: "center" });
    });
  }
  addEventListener("beforeunload", (event) => isChanged() && event.preventDefault());
  edited();
}

const isChanged = () => editor().value !== editor().defaultValue;

function write(content) {
  editor().value = content;
  edited();
}

function edited() {
  document.querySelector("#discard").disabled = !isChanged();
  const button = document.querySelector("#save");
  if (button) button.disabled = !isChanged();
  clearTimeout(timer);
  timer = setTimeout(measure, isChanged() ? PAUSE_MS : 0);
}

function tryOnEnter(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  document.querySelector("#trial-form").requestSubmit();
}

/** Keep what the editor holds as a draft; returns the name by which it can be asked, or null after saying what is wrong. */
async function draft() {
  const place = document.querySelector("#problems");
  try {
    const kept = await ask("POST", `/review/api/seeds/${name}/drafts`, { content: editor().value });
    place.hidden = true;
    return kept.name;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    place.textContent = error.message || texts.not_saved;
    place.hidden = false;
    return null;
  }
}

async function measure() {
  const mine = ++measuring;
  const drafted = await draft();
  if (!drafted || mine !== measuring) return;
  const words = document.querySelector("#words").value.trim() || texts.seed_some_words;
  try {
    const measured = await ask("POST", "/review/api/measure", question(drafted, words, said.draft));
    if (mine === measuring) show(measured);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (mine === measuring) document.querySelector("#budget-words").textContent = error.message || texts.not_saved;
  }
}

function show(measured) {
  const { prompt, prompt_tokens: all, seed_tokens: fixed, reply_tokens: reply, context_tokens: context } = measured;
  const number = (value) => value.toLocaleString(document.documentElement.lang);
  document.querySelector("#budget-words").textContent = texts.seed_budget
    .replace("{prompt}", number(all))
    .replace("{seed}", number(fixed))
    .replace("{reply}", number(reply))
    .replace("{left}", number(Math.max(0, context - all - reply)))
    .replace("{context}", number(context));
  const widths = { seed: fixed, said: all - fixed, reply };
  for (const [part, tokens] of Object.entries(widths)) {
    document.querySelector(`#budget .part-${part}`).style.width = `${(100 * tokens) / context}%`;
  }
  document.querySelector("#prompt").textContent = prompt;
  document.querySelector("#prompt-place").classList.remove("waits");
  const warnings = document.querySelector("#warnings");
  warnings.replaceChildren(...measured.warnings.map((each) => element("li", "", each.replace(/^[^:]*: /, ""))));
  warnings.hidden = !measured.warnings.length;
}

function question(seed, text, turns) {
  // Without turns a dialogue begins with the greeting.
  return { seed, text, ...(kind === "dialogue" && turns.length ? { turns } : {}) };
}

async function tryOut() {
  const field = document.querySelector("#words");
  const text = field.value.trim();
  const drafted = text && (await draft());
  if (!drafted) return;
  const button = document.querySelector("#try");
  button.disabled = true;
  await Promise.all([answer("current", `${name}@${version}`, text), answer("draft", drafted, text)]);
  button.disabled = false;
  if (kind === "dialogue") field.value = "";
  field.focus();
  measure();
}

async function answer(side, seed, text) {
  const list = document.querySelector(`[data-side=${side}]`);
  const reply = element("li", "try waits", texts.proposing);
  list.append(element("li", "try asked", text), reply);
  reply.scrollIntoView({ block: "nearest" });
  try {
    const answered = await ask("POST", "/review/api/ask", question(seed, text, said[side]));
    const isAnswer = answered.outcome === "answered";
    reply.textContent = isAnswer ? answered.text : texts[`outcome_${answered.outcome}`] ?? answered.outcome;
    reply.className = isAnswer ? "try answer" : "try no-answer";
    if (isAnswer) said[side].push({ speaker: "person", text }, { speaker: "bot", text: answered.text });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    reply.textContent = error.message || texts.not_saved;
    reply.className = "try no-answer";
  }
}

function startAnew() {
  said.current = [];
  said.draft = [];
  for (const list of document.querySelectorAll(".tries")) list.replaceChildren();
  document.querySelector("#words").focus();
  measure();
}

async function save() {
  const wish = { content: editor().value, note: document.querySelector("#note").value.trim(), follows: Number(follows) };
  if (!(await act("PUT", `/review/api/seeds/${name}`, wish, texts.saved))) return;
  // What was written is at work now: nothing of it would be lost.
  editor().defaultValue = editor().value;
  location.reload();
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
