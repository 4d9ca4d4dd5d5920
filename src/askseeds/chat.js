// What the page does by itself. Gradio runs this once, as the script of the conversation, with
// `element` (the conversation) and `trigger` (sends an event to the server). All else on the page
// is found by its id; events that bubble are caught here, since the server replaces the content.

const root = document.documentElement;
const source = document.getElementById("source");
const thumb = document.getElementById("thumb"); // the last one, as the server has kept it
const scroller = document.getElementById("scroll");
const ask = () => document.querySelector("#question textarea");
const cards = (exchange) => [
  ...element.querySelectorAll(exchange ? `.quote[data-exchange="${exchange}"]` : ".quote"),
];
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// --- Which quote is lit: the source panel says so, the conversation follows it -----------------
const lit = () => source.querySelector(".lit-source")?.dataset ?? {};

const same = (card) =>
  card.dataset.exchange === lit().exchange && card.dataset.quote === lit().quote;

function markLitCard() {
  for (const card of cards()) {
    card.classList.toggle("lit", same(card));
    card.querySelector(".marker").setAttribute("aria-pressed", String(same(card)));
  }
}

function pressThumb() {
  const { exchange, rating } = thumb.querySelector("[data-rating]")?.dataset ?? {};
  for (const button of element.querySelectorAll(`.thumb[data-exchange="${exchange}"]`))
    button.setAttribute("aria-pressed", String(button.dataset.rating === rating));
  // An error takes room from the conversation, and may stand where the button was.
  if (document.activeElement?.matches(".thumb")) reveal(document.activeElement);
}

function scrollToLit() {
  const mark = source.querySelector("#lit");
  const text = source.querySelector(".text");
  if (!mark || !text) return;
  const offset = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
  const top = text.scrollTop + offset - text.clientHeight / 4;
  text.scrollTo({ top, behavior: "instant" });
}

// Element.scrollIntoView would move the frame of the page as well.
function reveal(part, { atTop = false } = {}) {
  const view = scroller.getBoundingClientRect();
  const box = part.getBoundingClientRect();
  const margin = 16;
  let by = 0;
  if (atTop || box.top < view.top + margin) by = box.top - view.top - margin;
  else if (box.bottom > view.bottom - margin) by = box.bottom - view.bottom + margin;
  scroller.scrollBy({ top: by, behavior: calm() ? "instant" : "smooth" });
}

function open(card, { focus = false } = {}) {
  if (!card) return;
  showPart("source");
  if (focus) card.querySelector(".marker").focus({ preventScroll: true });
  reveal(card);
  if (same(card)) scrollToLit();
  else
    trigger("quote", { exchange: Number(card.dataset.exchange), quote: Number(card.dataset.quote) });
}

function walk(step) {
  const all = cards(document.activeElement?.closest?.("#source") ? lit().exchange : undefined);
  const focused = all.findIndex((card) => card.contains(document.activeElement));
  const at = focused >= 0 ? focused : all.findIndex(same);
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  open(all[next], { focus: !document.activeElement?.closest?.("#source") });
}

// --- Parts of the page on a narrow screen, light and dark ---------------------------------------
function showPart(part) {
  root.dataset.part = part;
  for (const tab of document.querySelectorAll(".tabs [data-do]"))
    tab.setAttribute("aria-pressed", String(tab.dataset.do === part));
  if (part === "source") scrollToLit();
}

function setTheme(theme) {
  if (theme) document.body.classList.toggle("dark", theme === "dark");
}

const kept = {
  get theme() {
    try {
      return localStorage.getItem("askseeds.theme");
    } catch {
      return null; // storage may be switched off
    }
  },
  set theme(value) {
    try {
      localStorage.setItem("askseeds.theme", value);
    } catch {
      /* then it holds until the page is closed */
    }
  },
};

const actions = {
  chat: () => showPart("chat"),
  source: () => showPart("source"),
  previous: () => walk(-1),
  next: () => walk(1),
  clear: () => {
    trigger("clear");
    showPart("chat");
    ask()?.focus();
  },
  judge: ({ dataset }) =>
    trigger("judge", { exchange: Number(dataset.exchange), rating: dataset.rating }),
  theme: () => {
    kept.theme = document.body.classList.contains("dark") ? "light" : "dark";
    setTheme(kept.theme);
  },
};

// --- Clicks and keys ----------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-do], [data-ask], .quote");
  if (!target) return;
  if (target.dataset.do) actions[target.dataset.do]?.(target);
  else if (target.dataset.ask) trigger("example", { question: target.dataset.ask });
  // Marking text with the mouse, to copy it, is not a click on the quote.
  else if (getSelection().isCollapsed || event.target.closest(".marker")) open(target);
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("textarea, input, [contenteditable]");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    showPart("chat");
    ask()?.focus();
  } else if (typing) {
    return;
  } else if (event.key === "/") {
    showPart("chat");
    ask()?.focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowRight") {
    if (event.target.closest(".text") && event.key === "ArrowDown") return; // it scrolls the text
    walk(1);
  } else if (event.key === "ArrowUp" || event.key === "ArrowLeft") {
    if (event.target.closest(".text") && event.key === "ArrowUp") return;
    walk(-1);
  } else {
    return;
  }
  event.preventDefault();
});

// --- After the server has changed something -----------------------------------------------------
let exchanges = 0;
new MutationObserver(() => {
  markLitCard();
  const all = element.querySelectorAll(".exchange");
  const last = all[all.length - 1];
  if (last && (all.length !== exchanges || last.querySelector(".verdict, .error")))
    reveal(last, { atTop: true });
  exchanges = all.length;
}).observe(element, { childList: true, subtree: true, characterData: true });

new MutationObserver(() => {
  markLitCard();
  scrollToLit();
}).observe(source, {
  childList: true,
  subtree: true,
  characterData: true,
  attributeFilter: ["data-exchange", "data-quote"],
});

new MutationObserver(pressThumb).observe(thumb, {
  childList: true,
  subtree: true,
  attributeFilter: ["data-exchange", "data-rating"],
});

element.setAttribute("role", "log");
element.setAttribute("aria-label", "Conversation");
element.setAttribute("aria-live", "polite");
document.getElementById("side").setAttribute("aria-label", "Source");
document.getElementById("side").setAttribute("role", "complementary");
setTheme(kept.theme);
showPart("chat");
