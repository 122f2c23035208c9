// An operator's own account.

import { act, texts } from "./review-api.js";

export function startAccount() {
  document.querySelector("#logout").addEventListener("click", async () => {
    if (await act("POST", "/review/logout", undefined, "")) location.assign("/review/login");
  });
  document.querySelector("#password-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const wish = Object.fromEntries(new FormData(event.target));
    if (await act("POST", "/review/api/password", wish, "")) location.assign("/review/login");
  });
  document.querySelector("#token-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const made = await act("POST", "/review/api/tokens", Object.fromEntries(new FormData(event.target)), "");
    if (!made) return;
    const shown = document.querySelector("#new-token");
    const code = document.createElement("code");
    code.textContent = made.token;
    shown.replaceChildren(texts.token_once, code);
    shown.hidden = false;
    event.target.reset();
  });
  document.addEventListener("click", async (event) => {
    const path = event.target.closest("[data-delete]")?.dataset.delete;
    if (path && (await act("DELETE", path))) location.reload();
  });
}
