// What the page asks of the server, and what it is told.

// Two beats of the server missed (BEAT_S in bot/web/chat.py), and some seconds for a slow line.
const SILENCE_MS = 40_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 15_000;

/** A request that was not taken; the message is a sentence for the person, empty where the server was not reached. */
export class Refused extends Error {}

export async function read(path) {
  return (await answered(path, { cache: "no-store" })).json();
}

export async function ask(path, body = {}) {
  await answered(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused("");
  }
  if (!response.ok) {
    // A proxy in between answers without our sentence.
    const { error = "" } = await response.json().catch(() => ({}));
    throw new Refused(error);
  }
  return response;
}

/**
 * Tell `hear` what happens in the chat for as long as the page is seen, through lost connections.
 * hear.open() before each connection, hear.chat(chat), hear.draft(text), hear.lost(), hear.found()
 */
export function listen(hear) {
  let source = null;
  let timer = 0;
  let delay = FIRST_DELAY_MS;

  function stop() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function again() {
    stop();
    hear.lost();
    // Not all at once: after a restart of the server every open page comes back.
    timer = setTimeout(start, delay * (0.75 + Math.random() / 2));
    delay = Math.min(delay * 2, LONGEST_DELAY_MS);
  }

  function alive() {
    clearTimeout(timer);
    timer = setTimeout(again, SILENCE_MS);
    delay = FIRST_DELAY_MS;
    hear.found();
  }

  async function start() {
    stop();
    try {
      await hear.open();
    } catch {
      return again();
    }
    if (source || document.hidden) return;
    source = new EventSource("/api/events");
    source.addEventListener("error", again);
    for (const name of ["chat", "draft", "beat"]) {
      source.addEventListener(name, (event) => {
        alive();
        hear[name]?.(JSON.parse(event.data));
      });
    }
  }

  // A browser opens six connections to a server at most: tabs that nobody looks at keep none.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  window.addEventListener("online", start);
  start();
}
