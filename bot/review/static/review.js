// Starts what a page of the review needs.

import { showTimes } from "./review-times.js";
import { listenToKeys } from "./review-keys.js";
import { undoLast } from "./review-api.js";
import { startInbox } from "./review-inbox.js";
import { startDialogue } from "./review-dialogue.js";
import { startAccount } from "./review-account.js";
import { startSeed } from "./review-seed.js";
import { followPage } from "./review-live.js";

const kind = document.body.className;
const starts = { inbox: startInbox, dialogue: startDialogue, account: startAccount, overview: followPage, seed: startSeed };

showTimes(document);
// On a phone the row of pages is longer than the screen.
document.querySelector(".places [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
const keys = starts[kind]?.() ?? {};
if (kind !== "login") {
  listenToKeys({
    z: undoLast,
    n: () => document.querySelector("#next, [data-key=n]").click(),
    "/": () => (document.querySelector("#search") ? document.querySelector("#search").focus() : location.assign("/review#search")),
    "?": () => document.querySelector("#keys").showModal(),
    ...keys,
  });
  document.querySelector("#show-keys")?.addEventListener("click", () => document.querySelector("#keys").showModal());
}
// From now on keys act.
document.body.dataset.ready = "";
for (const dialog of document.querySelectorAll("dialog")) {
  // A click beside a dialog closes it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
