// Shows the conversation: a list that is changed where it differs, so that selection and focus stay where they are.
// Text is only ever put in as text, never as markup.

const language = document.documentElement.lang;
// The page's language as it is used where the person lives: 15:00 in Britain, 3:00 PM in America.
const locale = navigator.languages.find((each) => each.startsWith(language)) ?? language;
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
const DAY_MS = 24 * 60 * 60 * 1000;

/** Says whether a message of the person got no reply, and will not get one by itself. */
export const isFailed = (turn) => ["failed", "put_aside"].includes(turn?.state);

/**
 * @param list the element of the conversation
 * @param view { turns, awaited, draft, queued, failure, act, canContinue } as chat.js keeps them
 */
export function showTurns(list, view, texts) {
  const { turns, awaited, draft, queued } = view;
  const items = [];
  // A conversation of today needs no date.
  let day = new Date().toDateString();
  const add = (turn) => {
    const at = new Date(turn.at * 1000);
    if (day !== at.toDateString()) {
      day = at.toDateString();
      items.push(dayItem(at, texts));
    }
    items.push(turnItem(turn, at, view, texts));
  };
  const last = turns.at(-1);
  for (const turn of turns.filter((each) => !queued.has(each.id))) {
    if (!(awaited === "retry" && turn === last)) add(turn);
  }
  if (awaited && !(awaited === "continue" && draft)) items.push(draftItem(draft, texts));
  else if (view.failure) items.push(failureItem(view, texts));
  for (const turn of turns.filter((each) => queued.has(each.id))) add(turn);
  reconcile(list, items);
}

function turnItem(turn, at, view, texts) {
  const isLast = turn === view.turns.at(-1);
  const isContinued = isLast && view.awaited === "continue" && view.draft;
  const who = turn.author === "person" ? "person" : "bot";
  return {
    key: turn.id,
    make: () => {
      const element = make("li", `turn ${who}`);
      element.append(make("span", "hidden who"), make("div", "text"), make("div", "meta"), make("div", "actions"));
      element.children[2].append(make("time", ""), make("span", "note"));
      return element;
    },
    fill: (element) => {
      const [name, text, meta, actions] = element.children;
      const [time, note] = meta.children;
      write(name, `${texts[{ person: "you", operator: "operator" }[turn.author] ?? "bot"]}: `);
      writeReply(text, isContinued ? joined(turn.text, view.draft) : turn.text);
      time.dateTime = at.toISOString();
      time.title = `${calendar.format(at)}, ${clock.format(at)}`;
      write(time, clock.format(at));
      write(note, noteOn(turn, view, texts));
      element.classList.toggle("writing", Boolean(isContinued));
      element.classList.toggle("waiting", turn.state === "waiting");
      fillActions(actions, isLast && !view.awaited ? actionsOn(turn, view) : [], view.act, texts);
    },
  };
}

function noteOn(turn, view, texts) {
  if (view.queued.has(turn.id)) return texts.queued;
  const next = view.turns[view.turns.indexOf(turn) + 1];
  // Asked again, a message gets its reply after all.
  const isUnanswered = !(next && next.author !== "person");
  if (turn.state === "cancelled" && isUnanswered) return texts.cancelled;
  if (isFailed(turn) && isUnanswered && next) return texts.failed;
  return turn.version > 1 ? texts.version.replace("{version}", turn.version) : "";
}

function actionsOn(turn, { canContinue }) {
  if (turn.author === "model") return canContinue ? ["retry", "continue", "undo"] : ["retry", "undo"];
  if (turn.state === "cancelled") return ["try_again", "undo"];
  return [];
}

function fillActions(element, names, act, texts) {
  if (element.dataset.names === names.join()) return;
  element.dataset.names = names.join();
  element.replaceChildren(...names.map((name) => button(name, texts[name], act)));
}

function button(name, label, act) {
  const element = make("button", "action");
  element.type = "button";
  element.dataset.act = name;
  element.append(icon(name === "try_again" ? "retry" : name), label);
  element.addEventListener("click", () => act(name));
  return element;
}

function draftItem(draft, texts) {
  return {
    key: "draft",
    make: () => {
      const element = make("li", "turn bot writing");
      const dots = make("span", "dots");
      dots.append(make("i", ""), make("i", ""), make("i", ""));
      element.append(make("span", "hidden who"), make("div", "text"), dots);
      return element;
    },
    fill: (element) => {
      const [name, text, dots] = element.children;
      write(name, `${texts.writing}: `);
      write(text, draft);
      text.hidden = !draft;
      dots.hidden = Boolean(draft);
    },
  };
}

function failureItem(view, texts) {
  return {
    key: `failure ${view.failure}`,
    make: () => {
      const element = make("li", "failure");
      element.append(make("span", ""));
      if (view.failure !== "nothing_to_retry") element.append(button("try_again", texts.try_again, view.act));
      return element;
    },
    fill: (element) => write(element.firstElementChild, texts[view.failure]),
  };
}

function dayItem(at, texts) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / DAY_MS);
  return {
    key: `day ${at.toDateString()}`,
    make: () => make("li", "day"),
    fill: (element) => write(element, [texts.today, texts.yesterday][days] ?? calendar.format(at)),
  };
}

function reconcile(list, items) {
  const before = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const kept = new Set(items.map((item) => item.key));
  for (const [key, element] of before) if (!kept.has(key)) element.remove();
  let next = list.firstElementChild;
  for (const item of items) {
    const element = before.get(item.key) ?? item.make();
    element.dataset.key = item.key;
    item.fill(element);
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
}

export function joined(text, more) {
  return /\s$/.test(text) ? text + more : `${text} ${more}`;
}

export function make(tag, className) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}

/** Set an element's text; what stands between lines of ``` becomes blocks of code. */
function writeReply(element, text) {
  const pieces = text.split(/(?:^|\n)```[\w+#-]*\n([^]*?)(?:\n```(?:\n|$)|$)/);
  if (pieces.length === 1) return write(element, text);
  if (element.written === text) return;
  element.written = text;
  element.replaceChildren(
    ...pieces.map((piece, number) => {
      if (number % 2 === 0) return piece;
      const block = make("code", "");
      block.textContent = piece;
      return block;
    }),
  );
}

/** Set an element's text, and leave it alone where it is the same: what a person has selected stays selected. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}
