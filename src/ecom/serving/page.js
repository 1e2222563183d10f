"use strict";
// Asks the service what the model says of the session in the form, as it is typed.

const element = (id) => document.getElementById(id);
const make = (tag, values, ...children) => {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
};
const number = (value, digits = 0) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const SHOWN = 6; // reasons; the others are folded away
const spaced = (name) => name.replaceAll("_", " ").replace(/([a-z])([A-Z])/g, "$1 $2");
const signed = (value) => (value < 0 ? "−" : "") + number(Math.abs(value), 2);
const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${number(100 * share, 1)} %`);

let model = null; // what GET /model answers
let answer = null; // what POST /explain answered last
let wrong = []; // the columns that it refused
let moved = false; // until the slider moves, the model's own threshold holds
let asking = new AbortController();

async function ask(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) {
    element("access").hidden = false;
    element("key").focus();
    throw new Refused(key ? "This key is not accepted." : "");
  }
  return [response, await response.json()];
}

class Refused extends Error {}

// Runs what asks the service, and says why it could not.
async function tell(work) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    answer = null;
    notice(error instanceof Refused ? error.message : "The service does not answer.");
    if (model) show();
  }
}

function notice(text) {
  element("notice").textContent = text;
  element("notice").hidden = !text;
}

// A field of the form, and how to read it.
function field(column) {
  const id = `column-${column.name}`;
  const about = make("small", { id: `${id}-about`, textContent: range(column) });
  let input;
  if (column.type === "category") {
    input = make("select", {}, ...column.allowed.map((value) => make("option", { value, textContent: spaced(value) })),
      make("option", { value: "another", textContent: "another" }));
  } else if (column.type === "boolean") {
    input = make("input", { type: "checkbox" });
  } else {
    const step = column.type === "integer" ? 1 : "any";
    input = make("input", { type: "number", min: column.minimum, max: column.maximum, step, inputMode: "decimal", required: true });
  }
  Object.assign(input, { id, name: column.name });
  input.setAttribute("aria-describedby", about.id);
  const label = make("label", { htmlFor: id, textContent: spaced(column.name) });
  return make("div", { className: "field" }, label, input, about);
}

function range(column) {
  const bounds = ["integer", "number"].includes(column.type)
    ? `, ${number(column.minimum)} to ${number(column.maximum)}` : "";
  return column.description + bounds;
}

function values() {
  return Object.fromEntries(model.manifest.columns.map(({ name, type }) => {
    const input = element(`column-${name}`);
    if (type === "boolean") return [name, input.checked];
    if (type === "category") return [name, input.value];
    return [name, input.value === "" ? null : Number(input.value)];
  }));
}

function fill(session) {
  for (const { name, type } of model.manifest.columns) {
    const input = element(`column-${name}`);
    if (type === "boolean") input.checked = session[name]; else input.value = session[name];
  }
}

async function predict() {
  asking.abort();
  asking = new AbortController();
  const [response, content] = await ask("explain", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(values()),
    signal: asking.signal,
  });
  const problems = Object.fromEntries((content.problems ?? []).map((problem) => [problem.field, problem]));
  for (const column of model.manifest.columns) {
    const problem = problems[column.name];
    const input = element(`column-${column.name}`);
    input.setAttribute("aria-invalid", String(Boolean(problem)));
    input.parentElement.classList.toggle("wrong", Boolean(problem));
    element(`${input.id}-about`).textContent = problem ? `must be ${problem.rule}` : range(column);
  }
  wrong = Object.keys(problems);
  answer = response.ok ? content : null;
  notice(response.ok || wrong.length ? "" : content.detail);
  show();
  if (answer && answer.model !== model.version) {
    notice("Another package answered than the one that this page describes: reload the page.");
  }
}

function show() {
  const { threshold: own } = model.manifest;
  const threshold = moved ? Number(element("threshold").value) : own;
  const flagged = answer && (moved ? answer.probability >= threshold : answer.flagged);
  element("at").textContent = number(threshold, moved ? 3 : 4);
  element("mark").style.left = `${100 * threshold}%`;
  element("level").style.width = answer ? `${100 * answer.probability}%` : 0;
  element("probability").textContent = answer ? percent(answer.probability) : "–";
  element("decision").textContent = !answer ? `Correct ${wrong.map(spaced).join(", ") || "the session"}.`
    : flagged ? "Flagged: it reaches the threshold." : "Not flagged: it is below the threshold.";
  price(threshold);
  reasons();
}

// What a threshold gave on sessions of the training rows that the model was not fitted to.
function price(threshold) {
  const row = model.thresholds.reduce((best, each) =>
    Math.abs(each.threshold - threshold) < Math.abs(best.threshold - threshold) ? each : best);
  const { false_positive: wrongly, false_negative: missed } = model.manifest.costs;
  element("price").textContent =
    `On training sessions that the model had not seen, this flags ${percent(row.flagged_rate)} and finds ` +
    `${percent(row.recall)} of the purchases. ` +
    (row.flagged_rate > 0 ? `Of what it flags, ${percent(row.precision)} are purchases. ` : "") +
    `Its errors cost ${number(row.cost_per_1000_sessions)} per 1,000 sessions, if a needless flag costs ` +
    `${number(wrongly, 2)} and a missed purchase ${number(missed, 2)}.`;
}

function reasons() {
  element("base").textContent = answer
    ? `What each column adds to the log-odds: from ${signed(answer.base)} on average to ${signed(answer.log_odds)} here.` : "";
  const sorted = Object.entries(answer?.contributions ?? {}).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const largest = Math.max(...sorted.map(([, value]) => Math.abs(value)), 1e-9);
  const session = values();
  const bars = sorted.map(([name, value]) => {
    const bar = make("i", {});
    const width = (50 * Math.abs(value)) / largest;
    bar.style.width = `${width}%`;
    bar.style.left = `${value > 0 ? 50 : 50 - width}%`;
    const given = typeof session[name] === "number" ? session[name].toLocaleString("en", { maximumSignificantDigits: 6 }) : String(session[name]);
    return make("li", { className: value > 0 ? "more" : "less" },
      make("span", {}, `${spaced(name)} `, make("small", { textContent: spaced(given) })),
      make("span", { textContent: (value > 0 ? "+" : "") + signed(value) }),
      make("div", {}, bar));
  });
  element("reasons").replaceChildren(...bars.slice(0, SHOWN));
  element("rest").replaceChildren(...bars.slice(SHOWN));
  element("more").textContent = `${Math.max(bars.length - SHOWN, 0)} more columns`;
  element("more").parentElement.hidden = bars.length <= SHOWN;
}

function press(name) {
  for (const button of element("presets").children) button.setAttribute("aria-pressed", button.name === name);
}

async function start() {
  const [response, content] = await ask("model");
  if (!response.ok) throw new Refused(content.detail);
  model = content;
  element("access").hidden = true;
  element("main").hidden = false;
  notice("");
  const { manifest, examples } = model;
  const judged = manifest.figures.pr_auc;
  element("model").textContent = `${manifest.description[0].toUpperCase()}${manifest.description.slice(1)}. ` +
    (judged ? `PR-AUC on test sessions ${number(judged.value, 3)} (${judged.interval.map((bound) => number(bound, 3)).join(" to ")}). ` : "") +
    `Package ${model.version.slice(0, 12)}.`;
  element("synthetic").hidden = manifest.data === "real";
  element("threshold").value = manifest.threshold;
  draw(manifest, examples);
  await predict();
}

function draw(manifest, examples) {
  const kinds = [["at_arrival", "Known when it begins"], ["end_of_session", "Known when it ends"]];
  element("session").querySelectorAll("fieldset").forEach((each) => each.remove());
  for (const [known, heading] of kinds) {
    const fields = manifest.columns.filter((column) => column.known === known).map(field);
    if (fields.length) element("session").append(make("fieldset", {}, make("legend", { textContent: heading }), ...fields));
  }
  element("presets").replaceChildren(...Object.entries(examples).map(([name, session]) => {
    const button = make("button", { type: "button", name, textContent: title(name) });
    button.addEventListener("click", () => { fill(session); press(name); tell(predict); });
    return button;
  }));
  const [first] = Object.keys(examples);
  fill(examples[first]);
  press(first);
}

// "a typical session: VisitorType is New_Visitor" as a short label
function title(name) {
  const [, special] = name.split(": ");
  if (!special) return "Typical session";
  const [column, value] = special.split(" is ");
  return spaced(value.startsWith("above") ? `${column} ${value}` : value === "Other" ? `${column} ${value}` : value);
}

element("session").addEventListener("input", () => { press(null); tell(predict); });
element("session").addEventListener("submit", (event) => event.preventDefault());
element("threshold").addEventListener("input", () => { moved = true; show(); });
element("chosen").addEventListener("click", () => {
  moved = false;
  element("threshold").value = model.manifest.threshold;
  show();
});
element("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", element("key").value);
  tell(start).then(() => { if (model) element("presets").firstChild.focus(); });
});

tell(start);
