// Shows how a reply came about: what the model was given, what it wrote, and how long that took.

export function showDraws(draws, texts) {
  const place = make("div", "draws");
  if (!draws.length) place.append(make("p", "quiet", texts.no_draws));
  for (const each of draws) place.append(...oneDraw(each, draws.length, texts));
  return place;
}

function oneDraw({ draw, prompt, why_not: whyNot, cut }, count, texts) {
  const parts = [];
  if (count > 1) parts.push(make("h3", "", `${texts.draw} ${draw.number}`));
  const raw = make("pre", "raw", cut ? draw.text.slice(0, draw.text.length - cut.length) : draw.text);
  if (cut) {
    const rest = make("del", "", cut);
    rest.title = texts.cut_off;
    raw.append(rest);
  }
  parts.push(facts(draw, texts), make("h4", "", texts.raw_text), raw);
  if (prompt) {
    const details = make("details", "");
    details.append(make("summary", "", `${texts.prompt} · ${draw.prompt_hash.slice(0, 12)}`), make("pre", "raw", prompt));
    parts.push(details);
  } else parts.push(make("p", "quiet", `${texts.prompt_gone} ${texts[whyNot]}`));
  return parts;
}

function facts(draw, texts) {
  const seconds = (value) => value.toFixed(2);
  const sampling = Object.entries(draw.sampling).map(([name, value]) => `${name} ${value}`).join(", ");
  const list = make("dl", "facts");
  const lines = [
    [texts.model, `${draw.model} ${draw.revision}`],
    [texts.seed, `${draw.seed} ${draw.seed_hash}`],
    [texts.sampling, `${sampling}, draw ${draw.draw}`],
    [
      texts.tokens_used,
      texts.tokens_sentence
        .replace("{prompt}", draw.prompt_tokens)
        .replace("{reused}", draw.reused_tokens)
        .replace("{new}", draw.new_tokens),
    ],
    [
      texts.times,
      texts.times_sentence
        .replace("{queued}", seconds(draw.queued_s))
        .replace("{first}", seconds(draw.first_token_s))
        .replace("{duration}", seconds(draw.duration_s)),
    ],
    [texts.stopped_by, texts[`stop_${draw.stop}`] ?? draw.stop],
  ];
  for (const [name, value] of lines) {
    const line = make("div", "");
    line.append(make("dt", "", name), make("dd", "", value));
    list.append(line);
  }
  return list;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
