// Shows times as the operator lives: in the own time zone, and without the date where it is today.

const language = document.documentElement.lang;
const locale = navigator.languages.find((each) => each.startsWith(language)) ?? language;
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });

/** Fill in the times of a page or of a part of it. */
export function showTimes(root) {
  for (const element of root.querySelectorAll("time")) {
    const at = new Date(element.dateTime);
    const isToday = at.toDateString() === new Date().toDateString();
    element.textContent = isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
    element.title = full.format(at);
  }
  for (const element of root.querySelectorAll("[data-moment]")) {
    element.textContent = clock.format(new Date(element.dataset.moment));
  }
}
