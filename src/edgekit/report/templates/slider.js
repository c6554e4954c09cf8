// Moves the threshold of a section: its line in the drawing, its confusion and its rates. Without it the section shows
// the model's own threshold. It draws what the counts of every threshold say, and decides nothing.
"use strict";
for (const slider of document.querySelectorAll(".slider")) {
  const points = JSON.parse(slider.dataset.points);
  const section = slider.closest("section");
  const input = slider.querySelector("input");
  const [probability, margin] = slider.querySelectorAll("output");
  const [confusion, rates] = [...section.querySelectorAll("table")].map(
    table => [...table.querySelectorAll("tbody td")].map(cell => cell.firstElementChild));
  const cut = section.querySelector("svg .cut");

  const images = count => count.toLocaleString("en-US");
  const show = (cell, text, ...details) => {
    cell.textContent = text;
    for (const line of details) cell.appendChild(document.createElement("small")).textContent = line;
  };
  const count = (cell, part, of) => show(cell, images(part), ...(of ? [`${(100 * part / of).toFixed(1)}%`] : []));
  const rate = (cell, part, of) => {
    const p = part / of, z2 = 1.959963984540054 ** 2;  // Wilson's interval, as in edgekit.metrics.intervals
    const centre = (p + z2 / (2 * of)) / (1 + z2 / of);
    const half = Math.sqrt(z2) / (1 + z2 / of) * Math.sqrt(p * (1 - p) / of + z2 / (4 * of * of));
    const low = part === 0 ? 0 : centre - half, high = part === of ? 1 : centre + half;
    const interval = of ? `${low.toFixed(3)} to ${high.toFixed(3)}` : "0.000 to 1.000";
    show(cell, of ? p.toFixed(3) : "-", `${interval};`, `${images(part)} of ${images(of)}`);
  };
  const move = () => {
    const at = Number(input.value);
    const missed = points.missed[at], rejected = points.rejected[at];
    const found = points.positives - missed, alarms = points.negatives - rejected;
    const share = 1 / (1 + Math.exp(-points.log_odds[at]));
    probability.textContent = share.toFixed(4);
    if (margin) margin.textContent = points.margins_q[at];
    input.setAttribute("aria-valuetext", `${input.dataset.of} ${share.toFixed(4)}`);
    cut.setAttribute("transform",
      `translate(${(at - points.own) / (points.missed.length - 1) * Number(slider.dataset.width)} 0)`);
    count(confusion[0], rejected, points.negatives);
    count(confusion[1], alarms, points.negatives);
    count(confusion[2], missed, points.positives);
    count(confusion[3], found, points.positives);
    rate(rates[0], found, points.positives);
    rate(rates[1], rejected, points.negatives);
    rate(rates[2], found, found + alarms);
    rate(rates[3], found + rejected, points.positives + points.negatives);
  };
  input.addEventListener("input", move);
  slider.querySelector("button").addEventListener("click", () => { input.value = points.own; move(); input.focus(); });
  slider.querySelector(".moved").hidden = false;
}
