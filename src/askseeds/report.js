// Filters the pairs by outcome, tag and words.
"use strict";
const pairs = [...document.querySelectorAll(".pair")];
const choices = [...document.querySelectorAll(".choice")];
const tag = document.getElementById("tag");
const find = document.getElementById("find");
const unfold = document.getElementById("unfold");
let outcome = "";

function apply() {
  const words = find.value.trim().toLowerCase();
  let shown = 0;
  for (const pair of pairs) {
    const right =
      (!outcome || pair.dataset.outcome === outcome) &&
      (!tag.value || pair.dataset.tags.split(" ").includes(tag.value)) &&
      (!words || pair.textContent.toLowerCase().includes(words));
    pair.hidden = !right;
    shown += right;
  }
  document.getElementById("shown").textContent = `${shown} shown`;
}

for (const choice of choices) {
  choice.addEventListener("click", () => {
    outcome = choice.dataset.outcome;
    for (const other of choices) other.setAttribute("aria-pressed", String(other === choice));
    apply();
  });
}
tag.addEventListener("change", apply);
find.addEventListener("input", apply);
unfold.addEventListener("click", () => {
  const open = unfold.textContent === "Open all";
  for (const pair of pairs) if (!pair.hidden) pair.open = open;
  unfold.textContent = open ? "Close all" : "Open all";
});
