// The chat page: keeps what is known of the chat, shows it, and hands on what the person does.

import { Refused, ask, listen, read } from "./server.js";
import { isFailed, make, showTurns, write } from "./turns.js";

const texts = JSON.parse(document.body.dataset.texts);
const $ = (id) => document.getElementById(id);
const isTouched = matchMedia("(hover: none) and (pointer: coarse)").matches;

// Nearer to the end than this, the person reads along, and the view follows.
const NEAR_THE_END_PX = 80;
// The limit of a message is worth mentioning from this share on.
const COUNTER_FROM = 0.8;

// What the bot's commands do in other channels the buttons do here; who is used to typing them may go on.
const COMMANDS = new Map(
  Object.entries({
    start: startAnew,
    new: startAnew,
    seed: (name) => (name ? startAnew(name) : showSeeds()),
    retry: () => act("retry"),
    continue: () => act("continue"),
    undo: () => act("undo"),
    cancel: () => request("/api/cancel"),
    human: () => request("/api/human"),
    settings: () => showSettings(),
    privacy: () => showSettings().then(() => $("privacy").focus()),
    mydata: () => $("my-data").click(),
    forget: askToForget,
    help: () => trouble(texts.commands, true),
  }),
);

let opening = null;
let seeds = [];
let chat = { seed: "", awaited: null, operator: "", turns: [] };
let draft = "";
let failure = "";
let answering = new Set();
let lastAsk = "retry";
let isSending = false;
let isMoreWished = false;
let isActing = false;
let isConnected = false;
let isFollowing = true;
let heard = 0;

// What the server tells.

/** Read the chat, which makes a newcomer known to the server: everything else is for those it knows. */
function open() {
  // Once at a time: two newcomers would be two visitors.
  opening ??= readChat().finally(() => (opening = null));
  return opening;
}

async function readChat() {
  if (!seeds.length) seeds = await read("/api/seeds");
  const before = heard;
  const told = await read("/api/chat");
  // What the stream has told in the meantime is newer.
  if (heard === before) hearChat(told);
}

function hearStream(told) {
  heard += 1;
  hearChat(told);
}

function hearChat(told) {
  const said = told.turns.at(-1);
  if (chat.awaited && !told.awaited && said?.author !== "person") speak(`${texts.bot}: ${said.text}`);
  // A model that adds nothing to its reply has said all it had to say.
  const reason = told.failure === "empty" && lastAsk === "continue" ? "nothing_to_add" : told.failure;
  failure = reason || (isFailed(said) && !told.awaited ? failure || "failed" : "");
  if (reason) speak(texts[reason]);
  if (told.awaited && !chat.awaited) speak(texts.writing);
  // What was said while the bot was answering something else waits for its turn.
  const waiting = told.turns.filter((turn) => turn.state === "waiting").map((turn) => turn.id);
  answering = new Set(waiting.filter((id) => answering.has(id)));
  if (!answering.size) answering = new Set(waiting);
  draft = "";
  hearOperator(told.operator);
  chat = told;
  show();
}

function hearOperator(operator) {
  write($("with-operator"), { here: texts.operator_here, called: texts.operator_called }[operator] ?? "");
  $("with-operator").hidden = !operator;
  if (chat.operator === "called" && !operator) trouble(texts.operator_not_free);
}

function hearDraft(text) {
  draft = text;
  show();
}

function connected(isNow) {
  isConnected = isNow;
  $("offline").hidden = isNow;
}

// What the person sees.

function show() {
  const seed = currentSeed();
  const waiting = chat.turns.filter((turn) => turn.state === "waiting");
  const queued = new Set(waiting.map((turn) => turn.id).filter((id) => !answering.has(id)));
  write($("seed-title"), seed?.title ?? "");
  write($("intro-title"), seed?.title ?? "");
  write($("intro-description"), seed?.description ?? "");
  write($("example"), seed?.example ? filled(texts.example, seed) : "");
  $("example").hidden = !seed?.example;
  $("intro").hidden = chat.turns.some((turn) => turn.author === "person");
  $("turns").lang = seed?.language ?? "";
  $("stop").hidden = !chat.awaited;
  showTurns($("turns"), { ...chat, draft, queued, failure, act, canContinue: seed?.continues }, texts);
  if (isFollowing) toTheEnd();
}

function showComposer() {
  const field = $("text");
  // By code point, as the server counts.
  const length = [...field.value].length;
  const limit = currentSeed()?.max_message_chars ?? Infinity;
  const isTooLong = length > limit;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  field.ariaInvalid = String(isTooLong);
  $("send").disabled = isSending || isTooLong || !field.value.trim();
  $("counter").classList.toggle("over", isTooLong);
  write($("counter"), length > limit * COUNTER_FROM ? `${length} / ${limit}` : "");
  trouble(isTooLong ? filled(texts.message_too_long, { length, limit }) : "");
}

function trouble(sentence, isGood = false) {
  write($("trouble"), sentence);
  $("trouble").hidden = !sentence;
  $("trouble").classList.toggle("good", isGood);
}

function speak(sentence) {
  write($("spoken"), sentence);
}

function toTheEnd() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

function currentSeed() {
  return seeds.find((seed) => seed.name === chat.seed);
}

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What the person does.

async function request(path, body) {
  trouble("");
  try {
    if (!chat.seed) await open();
    await ask(path, body);
    if (!isConnected) await open();
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    trouble(error.message || texts.not_sent);
    return false;
  }
}

async function send() {
  const field = $("text");
  const text = field.value;
  // One at a time; what is sent meanwhile goes next.
  isMoreWished = isSending;
  if (isSending || $("send").disabled) return;
  const [, command, argument] = text.trim().match(/^\/(\w+)(?:\s+(.*))?$/s) ?? [];
  if (command) {
    field.value = "";
    showComposer();
    const obey = COMMANDS.get(command.toLowerCase()) ?? (() => trouble(`${texts.unknown_command} ${texts.commands}`));
    return obey(argument);
  }
  isSending = true;
  showComposer();
  const isTaken = await say(text);
  isSending = false;
  // What was typed in the meantime stays.
  if (isTaken) field.value = field.value.startsWith(text) ? field.value.slice(text.length) : field.value;
  const sentence = $("trouble").textContent;
  showComposer();
  if (!isTaken) trouble(sentence);
  else if (isMoreWished) send();
}

function say(text) {
  isFollowing = true;
  lastAsk = "retry";
  return request("/api/messages", { text });
}

async function act(name) {
  // A double click is one wish.
  if (isActing) return;
  isActing = true;
  const path = name === "try_again" ? lastAsk : name;
  if (path === "retry" || path === "continue") lastAsk = path;
  failure = "";
  isFollowing = true;
  writeOn();
  await request(`/api/${path}`);
  isActing = false;
}

function startAnew(seed) {
  failure = "";
  isFollowing = true;
  writeOn();
  request("/api/new", seed ? { seed } : {});
}

/** Lead back to the message, but not on a phone, where that would open the keyboard. */
function writeOn() {
  if (!isTouched) $("text").focus();
}

function showSeeds() {
  const own = document.documentElement.lang;
  const languages = [...new Set(seeds.map((seed) => seed.language))].sort((a, b) => (b === own) - (a === own));
  $("seed-groups").replaceChildren(
    ...languages.map((language) => {
      const group = make("section", "seed-group");
      const title = make("h3", "");
      title.textContent = texts[`language_${language}`];
      group.append(title, ...seeds.filter((seed) => seed.language === language).map(seedChoice));
      return group;
    }),
  );
  $("seeds").showModal();
}

function seedChoice(seed) {
  const choice = make("button", "seed-choice");
  choice.type = "button";
  choice.lang = seed.language;
  const title = make("strong", "");
  const description = make("span", "");
  title.textContent = seed.title;
  description.textContent = seed.description;
  choice.append(title, description);
  if (seed.name === chat.seed) {
    choice.setAttribute("aria-current", "true");
    const mark = make("em", "");
    mark.lang = document.documentElement.lang;
    mark.textContent = texts.current_seed;
    choice.append(mark);
  }
  choice.addEventListener("click", () => {
    $("seeds").close();
    startAnew(seed.name);
  });
  return choice;
}

async function showSettings() {
  trouble("");
  try {
    if (!chat.seed) await open();
    $("settings-choices").replaceChildren(...(await read("/api/settings")).map(settingChoices));
    if (!$("settings").open) $("settings").showModal();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    trouble(error.message || texts.offline);
  }
}

function settingChoices(setting) {
  const group = make("fieldset", "setting");
  const title = make("legend", "");
  title.textContent = setting.title;
  group.append(title, ...setting.choices.map((choice) => settingChoice(setting, choice)));
  return group;
}

function settingChoice({ name, value }, choice) {
  const label = make("label", "");
  const button = make("input", "");
  Object.assign(button, { type: "radio", name, value: choice.value, checked: choice.value === value });
  button.addEventListener("change", async () => {
    // What was not taken is not shown as chosen.
    if (!(await request("/api/settings", { name, value: choice.value }))) await showSettings();
  });
  label.append(button, choice.title);
  return label;
}

function openMenu(isOpen) {
  $("menu").hidden = !isOpen;
  $("menu-button").ariaExpanded = String(isOpen);
  if (isOpen) $("menu").firstElementChild.focus();
}

function askToForget() {
  $("forget-dialog").returnValue = "";
  $("forget-dialog").showModal();
}

async function forget() {
  if ($("forget-dialog").returnValue !== "forget") return;
  if (await request("/api/forget")) trouble(texts.forgotten, true);
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("text").addEventListener("input", showComposer);
$("text").addEventListener("keydown", (event) => {
  // On a phone there is no Shift: there Enter starts a new line, and the button sends.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || isTouched) return;
  event.preventDefault();
  send();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
  if (!$("menu").hidden) {
    openMenu(false);
    $("menu-button").focus();
  } else if (chat.awaited) request("/api/cancel");
});
$("stop").addEventListener("click", () => {
  request("/api/cancel");
  writeOn();
});
$("example").addEventListener("click", () => {
  // A double click is one wish.
  $("example").hidden = true;
  writeOn();
  say(currentSeed().example);
});
$("choose-seed").addEventListener("click", showSeeds);
$("menu-button").addEventListener("click", () => openMenu($("menu").hidden));
document.addEventListener("click", (event) => {
  if (!event.target.closest(".menu")) openMenu(false);
});
$("start-anew").addEventListener("click", () => {
  openMenu(false);
  startAnew();
});
$("call-operator").addEventListener("click", () => {
  openMenu(false);
  request("/api/human");
});
$("show-settings").addEventListener("click", () => {
  openMenu(false);
  showSettings();
});
$("forget").addEventListener("click", () => {
  openMenu(false);
  askToForget();
});
$("forget-dialog").addEventListener("close", forget);
for (const dialog of document.querySelectorAll("dialog")) {
  // A click beside a dialog closes it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
$("scroll").addEventListener("scroll", () => {
  const { scrollHeight, scrollTop, clientHeight } = $("scroll");
  isFollowing = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PX;
  $("to-end").hidden = isFollowing;
});
$("to-end").addEventListener("click", toTheEnd);
// The keyboard of a phone makes the view smaller: its end stays in sight.
new ResizeObserver(() => isFollowing && toTheEnd()).observe($("scroll"));

showComposer();
writeOn();
listen({ open, chat: hearStream, draft: hearDraft, lost: () => connected(false), found: () => connected(true) });
