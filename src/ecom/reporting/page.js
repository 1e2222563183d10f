"use strict";
// Draws the charts in the page's colours, and moves the operating point in all of them.

const page = JSON.parse(document.getElementById("page").textContent);
const slider = document.getElementById("threshold");
const models = Object.keys(page.sweeps);
const moved = ["precision-recall", "roc", "cost"]; // charts that show the operating point
const views = {};
let chosen = true; // until the slider moves, each model has its own threshold

function colours() {
  const style = getComputedStyle(document.body);
  const probe = document.createElement("span");
  document.body.append(probe);
  const resolved = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [text, line, baseline, best] = ["--text", "--line", "--baseline", "--best"].map(resolved);
  probe.remove();
  const words = { labelColor: text, titleColor: text, labelFont: style.fontFamily, titleFont: style.fontFamily };
  return {
    background: "transparent",
    view: { stroke: null },
    axis: { ...words, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: "normal", labelLimit: 220 },
    legend: words,
    range: { category: [baseline, best] },
    mark: { color: best },
    point: { color: best }, rule: { color: best }, bar: { color: best }, tick: { color: best }, line: { color: best },
  };
}

// For each model, what its threshold gives: that of the lowest score that reaches it.
function operating() {
  return models.map((model) => {
    const threshold = chosen ? page.thresholds[model] : Number(slider.value);
    const sweep = page.sweeps[model];
    let low = 0, high = sweep.threshold.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (sweep.threshold[middle] >= threshold) low = middle; else high = middle - 1;
    }
    const point = { model };
    for (const name of Object.keys(sweep)) point[name] = sweep[name][low];
    return { ...point, threshold };
  });
}

function move() {
  document.getElementById("at").textContent = Number(slider.value).toFixed(3);
  const points = operating();
  const share = (value) => value.toFixed(3);
  const count = (value) => Math.round(value).toLocaleString("en");
  document.getElementById("operating").replaceChildren(...points.map((point) => {
    const row = document.createElement("tr");
    const cells = [point.model, share(point.threshold), point.flagged ? share(point.precision) : "–", share(point.recall),
      count(point.flagged), count(point.true_positives), count(point.cost)];
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  }));
  for (const name of moved) views[name]?.data("operating", points.map((point) => ({ ...point }))).run();
}

// One row for each score of each model. The first threshold flags no session: it has no precision.
function curves() {
  return models.flatMap((model) => {
    const sweep = page.sweeps[model];
    return sweep.threshold.slice(1).map((_, index) => {
      const row = { model, place: index };
      for (const name of Object.keys(sweep)) row[name] = sweep[name][index + 1];
      return row;
    });
  });
}

async function draw() {
  const options = { config: colours(), actions: false, renderer: "svg", logLevel: 1 };
  const datasets = { curves: curves(), operating: operating() };
  await Promise.all(Object.entries(page.charts).map(async ([name, spec]) => {
    views[name]?.finalize();
    views[name] = (await vegaEmbed(`#${name}`, { ...spec, datasets: { ...spec.datasets, ...datasets } }, options)).view;
  }));
  move();
  document.body.dataset.drawn = "yes";
}

function reset() {
  chosen = true;
  slider.value = page.thresholds[models[models.length - 1]];
  move();
}

slider.addEventListener("input", () => { chosen = false; move(); });
document.getElementById("reset").addEventListener("click", reset);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
reset();
draw();
