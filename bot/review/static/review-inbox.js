// The inbox: moving through it, picking several, and the filters.

import { act, texts } from "./review-api.js";
import { followPage } from "./review-live.js";

const rows = () => [...document.querySelectorAll("#rows .row")];
const current = () => rows().find((row) => row.classList.contains("current"));
const picked = () => rows().filter((row) => row.querySelector(".pick")?.checked);

export function startInbox() {
  const filters = document.querySelector("#filters");
  filters.addEventListener("change", (event) => event.target.matches("select") && submit(filters));
  filters.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(filters);
  });
  if (location.hash === "#search") document.querySelector("#search").focus();
  document.addEventListener("change", (event) => event.target.matches(".pick") && showPicked());
  document.addEventListener("refreshed", showPicked);
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.(".row");
    if (row) mark(row);
  });
  document.querySelector("#bulk")?.addEventListener("click", (event) => {
    if (event.target.dataset.change) changePicked(JSON.parse(event.target.dataset.change));
  });
  document.querySelector("#bulk-clear")?.addEventListener("click", clear);
  followPage();
  return {
    j: () => move(1),
    k: () => move(-1),
    o: () => current()?.querySelector("a").click(),
    x: togglePick,
    a: () => changePicked({ approval: "approved" }),
    r: () => changePicked({ approval: "rejected" }),
    s: () => changePicked({ status: "resolved" }),
  };
}

/** Lead to the address of the filters that are set: only these, so that it can be shared. */
function submit(filters) {
  const set = [...new FormData(filters)].filter(([name, value]) => value && !(name === "order" && value === "newest"));
  location.assign(set.length ? `/review?${new URLSearchParams(set)}` : "/review");
}

function move(by) {
  const all = rows();
  const index = all.indexOf(current());
  const row = all[Math.min(Math.max(index + by, 0), all.length - 1)];
  row?.querySelector("a").focus();
}

function mark(row) {
  for (const each of rows()) each.classList.toggle("current", each === row);
}

function togglePick() {
  const pick = current()?.querySelector(".pick");
  if (!pick) return;
  pick.checked = !pick.checked;
  showPicked();
}

function clear() {
  for (const row of picked()) row.querySelector(".pick").checked = false;
  showPicked();
}

function showPicked() {
  const bar = document.querySelector("#bulk");
  if (!bar) return;
  const chosen = picked();
  for (const row of rows()) row.classList.toggle("picked", chosen.includes(row));
  bar.hidden = chosen.length === 0;
  document.querySelector("#bulk-count").textContent = texts.picked.replace("{count}", chosen.length);
}

async function changePicked(change) {
  const dialogues = picked().map((row) => row.dataset.id);
  if (!dialogues.length) return;
  if (await act("POST", "/review/api/bulk", { dialogues, change })) {
    clear();
    document.dispatchEvent(new Event("changed"));
  }
}
