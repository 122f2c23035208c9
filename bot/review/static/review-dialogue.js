// A dialogue: judging its replies, deciding about it, and leading it.

import { act, read, toast, texts } from "./review-api.js";
import { followPage, refresh } from "./review-live.js";
import { showDraws } from "./review-draws.js";
import { editText } from "./review-editing.js";
import { isWriting } from "./review-keys.js";

const id = document.body.dataset.dialogue;
const path = `/review/api/dialogues/${id}`;
const judged = () => [...document.querySelectorAll(".turn[data-judged]")];
const current = () => document.querySelector(".turn.current");
let draft = null;
// What stood in the message field when a proposal was wanted, and what was proposed since.
let typed = null;
let proposed = null;
let isTakingOver = false;

export function startDialogue() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) press(button);
  });
  document.addEventListener("submit", submit);
  document.addEventListener("change", (event) => {
    if (event.target.id === "assignee") change({ assignee: event.target.value });
  });
  document.addEventListener("focusin", (event) => {
    const turn = event.target.closest?.(".turn[data-judged]");
    if (turn) mark(turn);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("#message, #note")) {
      event.target.form.requestSubmit();
    }
  });
  document.addEventListener("refreshed", enterMessage);
  followPage(id, { proposal: hearProposal });
  const linked = document.getElementById(location.hash.slice(1));
  const first = linked?.matches("[data-judged]") ? linked : judged().find((turn) => !turn.className.includes("rated"));
  (linked ?? first ?? document.querySelector(".turn:last-child"))?.scrollIntoView({ block: linked ? "center" : "nearest" });
  if (first) mark(first);
  return {
    j: () => move(1),
    k: () => move(-1),
    g: () => rate(current(), "good"),
    b: () => rate(current(), "bad"),
    e: () => correct(current()),
    m: () => annotate(current()),
    d: () => details(current()),
    a: () => document.querySelector(".pair .good").click(),
    x: () => document.querySelector(".pair .bad").click(),
    s: () => document.querySelector(`[data-set='{"status": "resolved"}']`).click(),
    h: snooze,
    i: () => change({ assignee: document.body.dataset.me }),
    l: () => document.querySelector("#labels").focus(),
    o: () => document.querySelector("#note").focus(),
    t: () => document.querySelector("[data-act=claim], [data-act=release]")?.click(),
    p: () => document.querySelector("#propose")?.click(),
    c: () => document.querySelector("#message")?.focus(),
    u: () => document.querySelector("#back").click(),
    ...Object.fromEntries([...Array(9).keys()].map((number) => [String(number + 1), () => reason(current(), number)])),
  };
}

function press(button) {
  const turn = button.closest(".turn");
  if (button.dataset.rate) return rate(turn, button.dataset.rate);
  if (button.dataset.reason) return reason(turn, [...turn.querySelectorAll("[data-reason]")].indexOf(button));
  if ("edit" in button.dataset) return correct(turn);
  if ("annotate" in button.dataset) return annotate(turn);
  if ("details" in button.dataset) return details(turn);
  if (button.dataset.set) {
    const isSet = button.getAttribute("aria-pressed") === "true" && button.dataset.unset;
    return change(JSON.parse(isSet ? button.dataset.unset : button.dataset.set));
  }
  if (button.dataset.unlabel) return change({ labels: labels().filter((label) => label !== button.dataset.unlabel) });
  if (button.dataset.act === "claim") return lead("claim");
  if (button.dataset.act === "release") return lead("release");
  if (button.dataset.act === "snooze") return snooze();
  if (button.id === "propose") return propose();
}

function submit(event) {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  if (form.id === "label-form") return addLabel(form);
  if (form.id === "note-form") return addNote(form);
  if (form.id === "composer") return say(form);
}

// Judging a reply.

async function judge(turn, wish) {
  if (!turn?.dataset.turn) return;
  if (await act("PATCH", `${path}/turns/${turn.dataset.turn}`, wish)) await refresh();
}

function rate(turn, rating) {
  if (!turn) return;
  const isSet = turn.querySelector(`[data-rate=${rating}]`).getAttribute("aria-pressed") === "true";
  return judge(turn, { rating: isSet ? "" : rating });
}

function reason(turn, number) {
  const place = turn?.querySelector(".reasons");
  const name = place?.querySelectorAll("[data-reason]")[number]?.dataset.reason;
  if (!name) return;
  const given = JSON.parse(place.dataset.reasons);
  const reasons = given.includes(name) ? given.filter((each) => each !== name) : [...given, name];
  return judge(turn, reasons.length && !given.length ? { reasons, rating: "bad" } : { reasons });
}

function correct(turn) {
  if (!turn) return;
  const said = turn.querySelector(".text").textContent;
  const correction = turn.querySelector(".correction");
  const before = correction ? [...correction.childNodes].filter(isInNewText).map((node) => node.textContent).join("") : said;
  editText(turn, before, texts.correction_hint, (text) => judge(turn, { correction: text === said ? "" : text }));
}

const isInNewText = (node) => node.nodeName !== "DEL" && !node.classList?.contains("hidden");

function annotate(turn) {
  if (!turn) return;
  const before = turn.querySelector(".turn-note")?.textContent ?? "";
  editText(turn, before, texts.turn_note_hint, (text) => judge(turn, { note: text }));
}

async function details(turn) {
  if (!turn) return;
  const button = turn.querySelector("[data-details]");
  const shown = turn.querySelector(".draws");
  if (shown) {
    shown.remove();
    return button.setAttribute("aria-expanded", "false");
  }
  const draws = await read(`${path}/turns/${turn.dataset.turn}/draws`).catch((error) => toast(error.message, false, true));
  if (!draws || turn.querySelector(".draws")) return;
  turn.append(showDraws(draws, texts));
  button.setAttribute("aria-expanded", "true");
}

function move(by) {
  const all = judged();
  const index = all.indexOf(current());
  const turn = all[Math.min(Math.max(index + by, 0), all.length - 1)];
  turn?.focus({ preventScroll: true });
  turn?.scrollIntoView({ block: "nearest" });
}

function mark(turn) {
  for (const each of judged()) each.classList.toggle("current", each === turn);
}

// Deciding about the dialogue.

async function change(wish) {
  if (await act("PATCH", path, wish)) await refresh();
}

function snooze() {
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(9, 0, 0, 0);
  return change({ status: "snoozed", snoozed_until: tomorrow / 1000 });
}

const labels = () => JSON.parse(document.querySelector("#filed").dataset.labels);

async function addLabel(form) {
  const field = form.querySelector("input");
  const label = field.value.trim();
  field.value = "";
  if (label && !labels().includes(label)) await change({ labels: [...labels(), label] });
}

async function addNote(form) {
  const field = form.querySelector("textarea");
  const text = field.value.trim();
  if (!text || !(await act("POST", `${path}/notes`, { text }))) return;
  field.value = "";
  field.blur();
  await refresh();
}

// Leading it.

async function lead(what) {
  isTakingOver = what === "claim";
  if (await act("POST", `${path}/${what}`, undefined, "")) await refresh();
  else isTakingOver = false;
}

/** The page may have the field before the claim is answered: that takes seconds where a reply is on its way. */
function enterMessage() {
  const field = document.querySelector("#message");
  if (!isTakingOver || !field) return;
  isTakingOver = false;
  if (!isWriting(document.activeElement)) field.focus();
}

async function say(form) {
  const field = form.querySelector("textarea");
  const text = field.value;
  if (!text.trim()) return;
  const isSaid = await act("POST", `${path}/messages`, draft ? { text, draft } : { text }, "");
  if (!isSaid) return;
  draft = typed = proposed = null;
  // What was typed in the meantime stays.
  field.value = field.value.startsWith(text) ? field.value.slice(text.length) : field.value;
  await refresh();
  document.querySelector(".turn:last-child").scrollIntoView({ block: "nearest" });
}

async function propose() {
  typed = document.querySelector("#message").value;
  proposed = null;
  await act("POST", `${path}/proposal`, undefined, texts.proposing);
}

function hearProposal(proposal) {
  if (!isUntouched()) return;
  if (!proposal.is_final) return fill(proposal.text);
  const turn = proposal.turn;
  if (turn === null) return toast(texts.no_proposal, false, true);
  draft = turn;
  refresh().then(() => {
    const words = document.querySelector(`#turn-${turn} .text`);
    // Meanwhile it was sent perhaps, or written on.
    if (!words || draft !== turn || !isUntouched()) return;
    fill(words.textContent);
    document.querySelector("#message").focus();
  });
}

/** What the operator has written in the meantime is worth more than a proposal. */
function isUntouched() {
  const field = document.querySelector("#message");
  return Boolean(field) && (field.value === typed || field.value === proposed);
}

function fill(text) {
  document.querySelector("#message").value = proposed = text;
}
