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
const signed = (value) => (value < 0 ? "−" : "") + number(Math.abs(value), 2);
const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${number(100 * share, 1)} %`);

let model = null; // what GET /model answers
let answer = null; // what POST /explain answered last
let asking = new AbortController();

async function ask(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { ...options, headers });
  element("access").hidden = response.status !== 401;
  return [response, await response.json()];
}

// A field of the form, and how to read it.
function field(column) {
  const id = `column-${column.name}`;
  const about = make("small", { id: `${id}-about`, textContent: range(column) });
  let input;
  if (column.type === "category") {
    input = make("select", {}, ...column.allowed.map((value) => make("option", { value, textContent: value.replace("_", " ") })),
      make("option", { value: "another", textContent: "another" }));
  } else if (column.type === "boolean") {
    input = make("input", { type: "checkbox" });
  } else {
    const step = column.type === "integer" ? 1 : "any";
    input = make("input", { type: "number", min: column.minimum, max: column.maximum, step, inputMode: "decimal", required: true });
  }
  Object.assign(input, { id, name: column.name });
  input.setAttribute("aria-describedby", about.id);
  const label = make("label", { htmlFor: id, textContent: column.name.replaceAll("_", " ") });
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

function fault(text) {
  element("fault").textContent = text;
  element("fault").hidden = !text;
}

async function predict() {
  asking.abort();
  asking = new AbortController();
  try {
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
      input.toggleAttribute("aria-invalid", Boolean(problem));
      input.parentElement.classList.toggle("wrong", Boolean(problem));
      element(`${input.id}-about`).textContent = problem ? `must be ${problem.rule}` : range(column);
    }
    answer = response.ok ? content : null;
    fault(response.ok || response.status === 401 ? "" : content.problems.length ? "Correct what is marked." : content.detail);
    if (answer && answer.model !== model.version) await start(); // another package answers now
  } catch (error) {
    if (error.name === "AbortError") return;
    answer = null;
    fault("The service does not answer.");
  }
  show();
}

function show() {
  const threshold = Number(element("threshold").value);
  element("at").textContent = number(threshold, 3);
  element("mark").style.left = `${100 * threshold}%`;
  element("level").style.width = answer ? `${100 * answer.probability}%` : 0;
  element("probability").textContent = answer ? percent(answer.probability) : "–";
  element("decision").textContent = !answer ? "No answer" : answer.probability >= threshold
    ? "Flagged: it reaches the threshold." : "Not flagged: it is below the threshold.";
  price(threshold);
  reasons();
}

// What a threshold gave on sessions of the training rows that the model was not fitted to.
function price(threshold) {
  const row = model.thresholds.reduce((best, each) =>
    Math.abs(each.threshold - threshold) < Math.abs(best.threshold - threshold) ? each : best);
  const { false_positive: wrongly, false_negative: missed } = model.manifest.costs;
  element("price").textContent =
    `It flags ${percent(row.flagged_rate)} of sessions and finds ${percent(row.recall)} of the purchases. ` +
    `Of what it flags, ${percent(row.precision)} are purchases. Its errors cost ${number(row.cost_per_1000_sessions)} ` +
    `per 1,000 sessions, at ${number(wrongly, 2)} for a needless flag and ${number(missed, 2)} for a missed purchase.`;
}

function reasons() {
  element("base").textContent = answer
    ? `What each column adds to the log-odds: from ${signed(answer.base)} on average to ${signed(answer.log_odds)} here.` : "";
  const sorted = Object.entries(answer?.contributions ?? {}).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const largest = Math.max(...sorted.map(([, value]) => Math.abs(value)), 1e-9);
  const session = values();
  element("reasons").replaceChildren(...sorted.map(([name, value]) => {
    const bar = make("i", {});
    const width = (50 * Math.abs(value)) / largest;
    bar.style.width = `${width}%`;
    bar.style.left = `${value > 0 ? 50 : 50 - width}%`;
    const given = typeof session[name] === "number" ? session[name].toLocaleString("en", { maximumSignificantDigits: 6 }) : String(session[name]);
    return make("li", { className: value > 0 ? "more" : "less" },
      make("span", {}, `${name.replaceAll("_", " ")} `, make("small", { textContent: given.replace("_", " ") })),
      make("output", { textContent: (value > 0 ? "+" : "") + signed(value) }),
      make("div", {}, bar));
  }));
}

function press(name) {
  for (const button of element("presets").children) button.setAttribute("aria-pressed", button.name === name);
}

async function start() {
  const [response, content] = await ask("model");
  if (!response.ok) { fault(response.status === 401 ? "" : content.detail); return; }
  model = content;
  const { manifest, examples } = model;
  const figure = manifest.figures.pr_auc;
  element("model").textContent = `${manifest.description[0].toUpperCase()}${manifest.description.slice(1)}. ` +
    `PR-AUC on test sessions ${number(figure.value, 3)} (${number(figure.interval[0], 3)} to ${number(figure.interval[1], 3)}). ` +
    `Package ${model.version.slice(0, 12)}.`;
  element("synthetic").hidden = manifest.data === "real";
  element("threshold").value = manifest.threshold;
  const kinds = [["at_arrival", "Known when it begins"], ["end_of_session", "Known when it ends"]];
  element("session").querySelectorAll("fieldset").forEach((each) => each.remove());
  for (const [known, title] of kinds) {
    const fields = manifest.columns.filter((column) => column.known === known).map(field);
    if (fields.length) element("session").append(make("fieldset", {}, make("legend", { textContent: title }), ...fields));
  }
  element("presets").replaceChildren(...Object.entries(examples).map(([name, session]) => {
    const button = make("button", { type: "button", name, textContent: title(name) });
    button.addEventListener("click", () => { fill(session); press(name); predict(); });
    return button;
  }));
  const [first] = Object.keys(examples);
  fill(examples[first]);
  press(first);
  await predict();
}

// "a typical session: VisitorType is New_Visitor" as a short label
function title(name) {
  const [, special] = name.split(": ");
  return special ? special.replace(" is ", " ").replaceAll("_", " ") : "Typical session";
}

element("session").addEventListener("input", () => { press(null); predict(); });
element("session").addEventListener("submit", (event) => event.preventDefault());
element("threshold").addEventListener("input", show);
element("chosen").addEventListener("click", () => { element("threshold").value = model.manifest.threshold; show(); });
element("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", element("key").value);
  begin();
});

function begin() {
  start().catch(() => fault("The service does not answer."));
}
begin();
