// What the page does by itself. Gradio runs this once, after the other `SCRIPTS`, as the
// script of the reply, with `element` and `trigger` (sends an event to the server: "ask",
// "stop", "quote", "look", "judge", "restore"). Events that bubble are caught here.

const root = document.documentElement;
const cards = (exchange) => [
  ...stage.querySelectorAll(exchange ? `.quote[data-exchange="${exchange}"]` : ".quote"),
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

function scrollToLit() {
  const mark = source.querySelector("#lit");
  const text = source.querySelector(".text");
  if (!mark || !text) return;
  const offset = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
  const top = text.scrollTop + offset - text.clientHeight / 4;
  text.scrollTo({ top, behavior: "instant" });
}

// Element.scrollIntoView would move the frame of the page as well.
function reveal(part, { atTop = false, instant = false } = {}) {
  const view = scroller.getBoundingClientRect();
  const box = part.getBoundingClientRect();
  const margin = 16;
  let by = 0;
  if (atTop || box.top < view.top + margin) by = box.top - view.top - margin;
  else if (box.bottom > view.bottom - margin) by = box.bottom - view.bottom + margin;
  scroller.scrollBy({ top: by, behavior: instant || calm() ? "instant" : "smooth" });
}

function open(card, { focus = false } = {}) {
  if (!card) return;
  showPart("source");
  if (focus) card.querySelector(".marker").focus({ preventScroll: true });
  reveal(card);
  if (same(card)) scrollToLit();
  else light(card);
}

function light(card) {
  const number = Number(card.dataset.exchange);
  const exchange = conversation.exchanges[number - 1];
  trigger("quote", { number, index: Number(card.dataset.quote), exchange });
}

let walked = ""; // which button of the source was used, or an arrow while one had the focus

// At the last quote the button that goes on is switched off: the focus goes to the other one.
function keepFocus() {
  const used = walked && source.querySelector(`.walk [data-do="${walked}"]`);
  if (!used?.disabled || ![used, document.body].includes(document.activeElement)) return;
  source.querySelector(".walk button:enabled")?.focus({ preventScroll: true });
  walked = "";
}

function walk(step) {
  const inSource = document.activeElement?.closest?.("#source");
  const all = cards(inSource ? lit().exchange : undefined);
  if (document.activeElement?.closest?.(".walk")) walked = step > 0 ? "next" : "previous";
  const focused = all.findIndex((card) => card.contains(document.activeElement));
  const at = focused >= 0 ? focused : all.findIndex(same);
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  open(all[next], { focus: !inSource });
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

// --- Menus --------------------------------------------------------------------------------------
function drop(name, open = byId(name).hidden) {
  for (const menu of document.querySelectorAll("#bar .drop")) {
    menu.hidden = menu.id !== name || !open;
    opener(menu.id).setAttribute("aria-expanded", String(!menu.hidden));
  }
}

const opener = (name) => document.querySelector(`[aria-controls="${name}"]`);

// What is deleted cannot be brought back: the first press asks, the second one does it.
function askAgain(button) {
  const before = button.textContent;
  const sure = (now) => {
    button.classList.toggle("sure", now);
    button.textContent = now ? "Delete" : before;
  };
  sure(true);
  button.focus();
  announce(`${button.getAttribute("aria-label")}? Press again.`);
  button.addEventListener("blur", () => sure(false), { once: true });
}

const dropped = () => document.querySelector("#bar .drop:not([hidden])");

const actions = {
  chat: () => showPart("chat"),
  source: () => showPart("source"),
  previous: () => walk(-1),
  next: () => walk(1),
  quote: ({ dataset }) =>
    open(stage.querySelector(`.quote[data-exchange="${dataset.exchange}"][data-quote="${dataset.quote}"]`)),
  look: (button) => {
    showPart("source");
    trigger("look", { source: button.closest(".document").dataset.source });
  },
  clear: begin,
  stop,
  retry,
  edit,
  leave: () => {
    leaveEditing();
    box.value = "";
    fit();
    box.focus();
  },
  copy: (button) => copy(Number(button.dataset.exchange), button),
  judge,
  list: () => {
    showList();
    drop("list");
  },
  exports: () => drop("exports"),
  change: ({ dataset }) => {
    drop("list", false);
    change(dataset.id);
  },
  remove: (button) => {
    if (!button.classList.contains("sure")) return askAgain(button);
    remove(button.dataset.id);
    showList();
    byId("list").querySelector("button")?.focus();
  },
  export: ({ dataset }) => {
    drop("exports", false);
    opener("exports").focus();
    download(dataset.form);
  },
  theme: () => {
    kept.theme = document.body.classList.contains("dark") ? "light" : "dark";
    setTheme(kept.theme);
  },
};

// --- Clicks and keys ----------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  if (dropped() && !event.target.closest(".menu")) drop(dropped().id, false);
  const target = event.target.closest("[data-do], [data-ask], .quote");
  if (!target) return;
  if (target.dataset.do) actions[target.dataset.do]?.(target);
  else if (target.dataset.ask) send(target.dataset.ask);
  // Marking text with the mouse, to copy it, is not a click on the quote.
  else if (getSelection().isCollapsed || event.target.closest(".marker")) open(target);
});

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

document.querySelector('form[action="/logout"]')?.addEventListener("submit", () => {
  abandon();
  shelf.clear();
});

box.addEventListener("input", fit);
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});

function escape() {
  const menu = dropped();
  if (menu) {
    drop(menu.id, false);
    opener(menu.id).focus();
    return;
  }
  if (editing) actions.leave();
  showPart("chat");
  box.focus();
}

// After a question the empty box has the focus: up and down have nothing to do in it.
const isIdle = ({ target, key }) =>
  target === box && !box.value && (key === "ArrowDown" || key === "ArrowUp");

const isWritten = (target) =>
  target.closest('textarea, input:not([type="checkbox"]), [contenteditable]');

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    escape();
  } else if (event.key === "/" && !isWritten(event.target) && !dropped()) {
    showPart("chat");
    box.focus();
  } else if (event.target.closest("textarea, input, [contenteditable], #bar, #library") && !isIdle(event)) {
    return;
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

// --- What the server tells ----------------------------------------------------------------------
function listen(part, heard) {
  new MutationObserver(() => {
    const told = part.querySelector("[data-told]")?.dataset.told;
    if (told) heard(JSON.parse(told));
  }).observe(part, { childList: true, subtree: true, attributeFilter: ["data-told"] });
}

listen(byId("reply"), replied);
listen(byId("restored"), restored);
listen(byId("thumb"), judged);

new MutationObserver(() => {
  markLitCard();
  if (source.querySelector("#lit")) scrollToLit();
  else source.querySelector(".text")?.scrollTo(0, 0); // another document, from its beginning
  keepFocus();
}).observe(source, {
  childList: true,
  subtree: true,
  characterData: true,
  attributeFilter: ["data-exchange", "data-quote"],
});

// Another tab has kept, changed or deleted a conversation.
addEventListener("storage", (event) => {
  if (event.key?.startsWith(shelf.prefix) && !byId("list").hidden) showList();
});

stage.setAttribute("role", "log");
stage.setAttribute("aria-label", "Conversation");
stage.setAttribute("aria-live", "off"); // what matters is announced in one line
byId("side").setAttribute("aria-label", "Source");
byId("side").setAttribute("role", "complementary");
setTheme(kept.theme);
delete root.dataset.early;
byId("send").disabled = false;
showPart("chat");
const stayed = shelf.stayed();
if (stayed && shelf.read(stayed)) change(stayed);
focusBox();
