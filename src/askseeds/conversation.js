// The conversation of this tab: what was asked, what came of it, and what is on its way. HTML comes
// from the server, where it is escaped; everything else is set as text.

const byId = (id) => document.getElementById(id);
const stage = byId("conversation");
const scroller = byId("scroll");
const source = byId("source");
const box = byId("question");
const HISTORY = 20;
const EXCHANGES = 1000; // the server takes no longer conversation
const QUESTION_CHARS = 600;

let conversation = shelf.blank();
let markdowns = []; // of each exchange, as the server wrote it
let running = null; // { run, number } while a question is on its way
let restoring = null; // { token, stays } of what was asked to be shown again
let judging = null;
let editing = false;

const sections = () => [...stage.querySelectorAll(".exchange")];
const section = (number) => byId(`exchange-${number}`);

function make(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const stageBody = () => stage.querySelector(".exchanges") ?? stage.appendChild(make("div", { class: "exchanges" }));

function addSection(number, question) {
  const made = make("section", {
    class: "exchange",
    id: `exchange-${number}`,
    "aria-label": `Question ${number}`,
  });
  const shown = question.length > QUESTION_CHARS ? `${question.slice(0, QUESTION_CHARS)} …` : question;
  made.append(
    make("h2", { class: "question", dir: "auto" }, shown),
    make("div", { class: "answer" }),
    make("p", { class: "working", hidden: "" }),
  );
  stageBody().append(made);
  return made;
}

function announce(text) {
  byId("announce").textContent = text;
}

function showStep(number, text) {
  const line = section(number)?.querySelector(".working");
  if (!line) return;
  line.hidden = !text;
  if (line.textContent !== text) {
    line.textContent = text;
    if (text) announce(text);
  }
}

function warn(text) {
  const old = stage.querySelector(".warned");
  old?.remove();
  if (!text) return;
  const line = make("p", { class: "error warned", role: "alert" }, text);
  stageBody().append(line);
  reveal(line);
}

function keep() {
  warn(shelf.write(conversation));
  showTitle();
}

// --- Asking -------------------------------------------------------------------------------------

const turns = (before) =>
  conversation.exchanges
    .slice(0, before)
    .slice(-HISTORY)
    .map(({ question, answer }) => ({ question, answer: answer?.text ?? "" }));

function busy(now) {
  byId("send").hidden = now;
  byId("stop").hidden = !now;
  stage.classList.toggle("busy", now);
}

function send(question, { replacing = false } = {}) {
  if (!question.trim() || running) return false;
  if (!replacing && conversation.exchanges.length >= EXCHANGES) {
    warn("This conversation is as long as one may be; begin a new one.");
    return false;
  }
  leaveEditing();
  if (replacing) {
    conversation.exchanges.pop();
    markdowns.length = conversation.exchanges.length;
    sections().at(-1)?.remove();
  }
  const number = conversation.exchanges.length + 1;
  // Until there is an answer: what a reload would find.
  conversation.exchanges.push({ question, answer: null, stopped: true });
  const made = addSection(number, question);
  running = { run: shelf.token(), number };
  keep();
  busy(true);
  showPart("chat");
  focusBox(); // the button that was pressed is gone
  showStep(number, "Asking");
  reveal(made, { atTop: true });
  trigger("ask", { run: running.run, number, question, history: turns(number - 1) });
  return true;
}

function showAnswer(number, { html, markdown }) {
  const place = section(number)?.querySelector(".answer");
  if (!place || html === undefined) return;
  markdowns[number - 1] = markdown;
  if (place.innerHTML === html) return;
  const held = place.contains(document.activeElement) && document.activeElement.closest(".quote");
  place.innerHTML = html;
  // Who walks the quotes while more come does not lose the place.
  if (held) place.querySelector(`.quote[data-quote="${held.dataset.quote}"] .marker`)?.focus({ preventScroll: true });
}

function replied(told) {
  if (told.run !== running?.run) return; // stopped, or of another conversation
  const { number } = running;
  const first = !section(number).querySelector(".verdict, .error");
  const { rating } = conversation.exchanges[number - 1];
  const stopped = !told.ended || told.record.stopped; // until then: what a reload would find
  conversation.exchanges[number - 1] = { ...told.record, stopped, rating: rating ?? "" };
  showAnswer(number, told);
  showStep(number, told.ended ? "" : told.step);
  if (told.html && first) reveal(section(number), { atTop: true });
  markLitCard();
  if (!told.ended) return;
  ended();
  summarise(number);
}

function ended() {
  running = null;
  busy(false);
  keep();
}

function summarise(number) {
  const place = section(number);
  const verdict = place.querySelector(".verdict, .error")?.textContent ?? "";
  const quotes = place.querySelectorAll(".quotes.answered .quote").length;
  announce(quotes ? `${verdict}, ${quotes} quote${quotes > 1 ? "s" : ""}` : verdict);
}

// What is there stays. The server is told, but not waited for: it may be gone.
function stop() {
  if (!running) return;
  const { run, number } = running;
  trigger("stop", { run });
  showStep(number, "");
  ended();
  show(conversation, { stays: true });
  announce("Stopped");
  focusBox();
}

function retry() {
  const last = conversation.exchanges.at(-1);
  if (last) send(last.question, { replacing: true });
}

function edit() {
  const last = conversation.exchanges.at(-1);
  if (!last || running) return;
  editing = true;
  document.querySelector("#composer .editing").hidden = false;
  stage.classList.add("editing");
  box.value = last.question;
  fit();
  showPart("chat");
  box.focus();
}

function leaveEditing() {
  if (!editing) return;
  editing = false;
  document.querySelector("#composer .editing").hidden = true;
  stage.classList.remove("editing");
}

function submit() {
  if (send(box.value, { replacing: editing })) {
    box.value = "";
    fit();
  }
}

// On a phone the keyboard would cover what is to be read.
function focusBox() {
  if (innerWidth > 860) box.focus({ preventScroll: true });
  else box.blur();
}

function fit() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 220)}px`;
}

// --- Several conversations ----------------------------------------------------------------------

// What is beside it stays where only the conversation is shown anew.
function show(next, { stays = false } = {}) {
  running = null;
  busy(false);
  leaveEditing();
  conversation = next;
  markdowns = [];
  stageBody().replaceChildren();
  next.exchanges.forEach(({ question }, index) => addSection(index + 1, String(question ?? "")));
  restoring = { token: shelf.token(), stays };
  trigger("restore", { ...restoring, exchanges: next.exchanges });
  showTitle();
}

function restored(told) {
  if (told.token !== restoring?.token) return;
  const { stays } = restoring;
  restoring = null;
  if (told.error) {
    abandon();
    busy(false);
    conversation = shelf.blank();
    stageBody().replaceChildren();
    showTitle();
    warn(told.error);
    return;
  }
  told.answers.forEach((answer, index) => showAnswer(index + 1, answer));
  const last = sections().at(-1);
  if (!last) return;
  reveal(last, { atTop: true, instant: true });
  if (stays) return markLitCard();
  const first = last.querySelector(".quote");
  if (first) light(first);
}

function begin() {
  abandon();
  const next = shelf.blank();
  shelf.stay(next.id);
  show(next);
  warn("");
  showPart("chat");
  box.focus({ preventScroll: true });
}

function abandon() {
  if (!running) return;
  trigger("stop", { run: running.run });
  running = null;
}

function change(id) {
  abandon();
  const next = shelf.read(id) ?? { ...shelf.blank(), id, exchanges: [null] };
  shelf.stay(id);
  show(next);
  showPart("chat");
  focusBox();
}

function remove(id) {
  shelf.remove(id);
  if (id === conversation.id) begin();
}

function showTitle() {
  document.querySelector("#bar .title .name").textContent =
    conversation.title || "New conversation";
  document.querySelector('#bar [data-do="exports"]').disabled = !conversation.exchanges.length;
  if (!byId("list").hidden) showList();
}

function showList() {
  const list = byId("list");
  const rows = shelf.all().map(({ id, title, changed, exchanges }) => {
    const row = make("div", { class: "row" });
    const name = title || exchanges[0]?.question || "Untitled";
    const go = make("button", { type: "button", "data-do": "change", "data-id": id });
    if (id === conversation.id) go.setAttribute("aria-current", "true");
    const when = changed ? new Date(changed).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "";
    go.append(make("span", { class: "name", dir: "auto" }, name), make("span", { class: "when" }, when));
    const off = make(
      "button",
      { type: "button", "data-do": "remove", "data-id": id, "aria-label": `Delete ${name}`, title: "Delete" },
      "×",
    );
    row.append(go, off);
    return row;
  });
  if (!rows.length) rows.push(make("p", { class: "none" }, "Conversations are kept in this browser."));
  list.replaceChildren(...rows);
}

// --- Thumbs -------------------------------------------------------------------------------------

function judge({ dataset }) {
  const number = Number(dataset.exchange);
  const exchange = conversation.exchanges[number - 1];
  if (judging || !exchange?.answer || exchange.rating === dataset.rating) return;
  judging = { token: shelf.token(), number, conversation };
  trigger("judge", {
    token: judging.token,
    rating: dataset.rating,
    exchange,
    history: turns(number - 1),
  });
}

function judged(told) {
  if (told.token !== judging?.token) return;
  const { number, conversation: of } = judging;
  judging = null;
  if (told.rating) {
    of.exchanges[number - 1].rating = told.rating;
    if (of === conversation) {
      for (const button of section(number)?.querySelectorAll(".thumb") ?? [])
        button.setAttribute("aria-pressed", String(button.dataset.rating === told.rating));
      keep();
    }
  }
  // An error takes room from the conversation, and may stand where the button was.
  if (document.activeElement?.matches(".thumb")) reveal(document.activeElement);
}
