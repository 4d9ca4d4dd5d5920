// The column of documents. Gradio runs this once, as the script of the component whose value is the
// choice of documents (`props.value`, which goes along with every question). The list comes from
// the server as rows of HTML; names that are only here are put in as text.

const part = document.getElementById("library");
const column = part.querySelector(".library");
const within = (selector) => column.querySelector(selector);
const rows = within("ul.documents");
const sending = within(".uploads");
const filter = within(".filter");
const picker = within("input[type=file]");
const dialog = within("dialog");
const narrow = matchMedia("(max-width: 860px)");

const MANY = 8; // documents from which on there is a filter
const AT_ONCE = 2; // files sent at the same time
const IDLE_MS = 2000;
const BUSY_MS = 400;
const READY_MS = 6000; // a file that is ready is told of this long

const made = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

// --- What the browser keeps ----------------------------------------------------------------------
function recall(store, name) {
  try {
    return JSON.parse(store.getItem(`askseeds.${name}`));
  } catch {
    return null; // switched off, or not ours
  }
}

function keep(store, name, value) {
  try {
    store.setItem(`askseeds.${name}`, JSON.stringify(value));
  } catch {
    /* then it holds until the page is closed */
  }
}

// --- Which documents are asked: all but those named, or only those named -------------------------
const recalled = recall(sessionStorage, "choice"); // of this tab alone
const choice = {
  every: recalled?.every !== false,
  names: new Set(Array.isArray(recalled?.names) ? recalled.names : []),
};
let total = 0; // documents that can be asked
let gone = new Set(); // names of the choice that are no documents now
const notes = new Map(); // why one could not be removed

const isChosen = (source) => choice.names.has(source) !== choice.every;

function pick(source, wanted) {
  if (wanted === choice.every) choice.names.delete(source);
  else choice.names.add(source);
}

function tellChoice() {
  const plain = { every: choice.every, names: [...choice.names] };
  props.value = choice.every && !choice.names.size ? "" : JSON.stringify(plain);
  keep(sessionStorage, "choice", plain);
  const named = [...choice.names].filter((name) => !gone.has(name)).length;
  const left = choice.every ? total - named : named;
  const chosen = Math.max(0, Math.min(total, left));
  const words = !total
    ? ""
    : chosen === total && total > 1
      ? `All ${total.toLocaleString("en")} asked`
      : `${chosen.toLocaleString("en")} of ${total.toLocaleString("en")} asked`;
  const line = within(".chosen");
  if (line.textContent !== words) line.textContent = words;
  line.classList.toggle("none", total > 0 && chosen === 0);
}

function tick() {
  for (const row of rows.children) {
    const box = row.querySelector("input");
    box.checked = !box.disabled && isChosen(row.dataset.source);
    row.classList.toggle("passed", !box.disabled && !box.checked);
    const note = notes.get(row.dataset.source);
    const shown = row.querySelector("[role=alert]");
    if (note && shown?.textContent !== note) {
      shown?.remove();
      const line = made("p", { className: "reason", textContent: note });
      line.setAttribute("role", "alert");
      row.append(line);
    }
  }
}

// What was deleted, here or elsewhere, is not counted; it stays in the choice, for it may come back.
async function count() {
  const before = [...choice.names]; // what is added meanwhile is there
  if (!before.length) return gone.clear();
  const { names } = await ask({ names: true });
  gone = new Set(before.filter((name) => !names.includes(name)));
  tellChoice();
}

async function pickAll(wanted) {
  if (!filter.value.trim()) {
    choice.every = wanted;
    choice.names.clear();
  } else {
    const { names = [] } = await ask({ words: filter.value, names: true });
    for (const name of names) pick(name, wanted);
  }
  tick();
  tellChoice();
}

// --- The list ------------------------------------------------------------------------------------
let seen = "";
let changed = false; // other documents than those that were looked at by `count`
let timer = 0;
let asking = 0;
let hurryUntil = 0;

async function ask(query) {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([key, value]) => [value].flat().map((one) => [key, one])),
  );
  const response = await fetch(`/documents?${search}`);
  if (!response.ok) throw Object.assign(new Error(response.statusText), { status: response.status });
  return response.json();
}

async function refresh() {
  clearTimeout(timer);
  const turn = ++asking;
  let pause = IDLE_MS;
  try {
    const of = uploads.filter((file) => file.source).map((file) => file.source);
    const now = await ask({ words: filter.value, seen, of: of.slice(0, 100) });
    if (turn !== asking) return; // another one is on its way
    show(now);
    const working = now.share !== null || uploads.some((file) => file.source);
    if (working || Date.now() < hurryUntil) pause = BUSY_MS;
  } catch ({ status }) {
    pause = 2 * IDLE_MS; // the server is gone, for a while perhaps
    if (status === 401) tellFault("Your login has ended; load the page again.");
  }
  if (turn === asking) timer = setTimeout(refresh, document.hidden ? 4 * pause : pause);
}

function tellFault(text) {
  const fault = within(".fault");
  if (fault.textContent !== text) fault.textContent = text;
  fault.hidden = !text;
}

function show(now) {
  const header = document.querySelector("#status .state");
  const told = new DOMParser().parseFromString(now.status, "text/html").body.firstElementChild;
  if (header && told && header.outerHTML !== told.outerHTML) {
    header.className = told.className;
    header.textContent = told.textContent;
  }
  tellFault(now.fault);
  const bar = within(".work");
  bar.hidden = now.share === null;
  const percent = Math.round(100 * (now.share ?? 0));
  bar.setAttribute("aria-valuenow", String(percent));
  bar.firstElementChild.style.width = `${Math.max(4, percent)}%`;
  follow(now.states ?? {});
  changed ||= now.rows !== undefined && !filter.value.trim();
  if (changed && now.share === null) {
    changed = false;
    count().catch(() => (changed = true));
  }
  if (now.rows === undefined) return;
  seen = now.version;
  total = now.total;
  filter.hidden = now.files <= MANY && !filter.value;
  const focused = document.activeElement?.closest?.(".document");
  const which = focused && [focused.dataset.source, document.activeElement.className];
  const at = rows.scrollTop;
  rows.innerHTML = now.rows; // escaped by the server
  rows.scrollTop = at;
  tick();
  tellChoice();
  if (which) {
    const again = [...rows.children].find((row) => row.dataset.source === which[0]);
    const one = [...(again?.querySelectorAll("input, button") ?? [])].find((part) => part.className === which[1]);
    (one ?? within(".add")).focus({ preventScroll: true });
  }
  const left = now.matching - rows.children.length;
  const more = within(".more");
  more.hidden = left <= 0 && (now.matching > 0 || now.files === 0);
  more.textContent = now.matching
    ? `${rows.children.length} of ${now.matching.toLocaleString("en")} shown; filter to find others`
    : "No document has that in its name";
}

// --- Adding files --------------------------------------------------------------------------------
const uploads = []; // { file, name, row, source?, done? }

function add(files) {
  fold(false); // to see how far they are
  showDocuments();
  for (const [file, isFolder] of files) {
    const name = file.name.toWellFormed();
    const row = made("li", { className: "upload" });
    const upload = { file, name, row };
    row.append(
      made("span", { className: "name", dir: "auto" }, made("bdi", { textContent: name })),
      made("button", { type: "button", className: "remove", title: "Forget", onclick: () => forget(upload) }),
      made("span", { className: "stage" }),
      made("progress", { max: 1, value: 0 }),
    );
    row.querySelector("button").setAttribute("aria-label", `Forget ${name}`);
    row.querySelector("button").innerHTML =
      '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="m5.5 5.5 9 9m0-9-9 9"/></svg>';
    row.querySelector("progress").setAttribute("aria-label", `How much of ${name} is sent`);
    sending.append(row);
    uploads.push(upload);
    if (isFolder) fail(upload, "is a folder; add the files in it");
    else tell(upload, "queued");
  }
  send();
}

function tell(upload, stage, words = stage) {
  upload.row.dataset.stage = stage;
  const line = upload.row.querySelector(".stage");
  if (line.textContent !== words) line.textContent = words;
  upload.row.querySelector("progress").hidden = stage !== "uploading";
  // What is in the seeds is in the list, and removed there.
  upload.row.querySelector("button").hidden = ["waiting", "indexing"].includes(stage);
}

function fail(upload, reason) {
  upload.done = true;
  upload.source = undefined;
  tell(upload, "failed", reason);
}

function forget(upload) {
  upload.request?.abort();
  const at = uploads.indexOf(upload);
  if (at >= 0) uploads.splice(at, 1);
  upload.done = true;
  if (upload.row.contains(document.activeElement)) within(".add").focus();
  upload.row.remove();
  send();
}

let busy = 0;

async function send() {
  while (busy < AT_ONCE) {
    const next = uploads.find((upload) => upload.row.dataset.stage === "queued");
    if (!next) return;
    busy += 1;
    tell(next, "uploading", "uploading");
    sendOne(next)
      .catch(() => fail(next, "was not sent: the chat cannot be reached"))
      .finally(() => {
        busy -= 1;
        send();
        refresh();
      });
  }
}

async function sendOne(upload) {
  const { file, name } = upload;
  if (file.size > Number(column.dataset.maxBytes))
    return fail(upload, `is larger than ${column.dataset.max}; split it, or raise max_file_mb`);
  if (!file.size) return fail(upload, "is empty");
  const query = new URLSearchParams({ name, size: file.size });
  const before = await (await fetch(`/documents/check?${query}`)).json();
  if (before.error) return fail(upload, before.error);
  let existing = "refuse";
  let taken = before.exists;
  for (;;) {
    if (taken) existing = await whatToDo(upload);
    if (upload.done) return undefined;
    if (existing === "cancel") return forget(upload);
    const { status, answer } = await post(upload, existing);
    if (status === 201) {
      upload.source = answer.source;
      pick(answer.source, true);
      tellChoice();
      return tell(upload, "waiting");
    }
    taken = status === 409;
    if (!taken) return fail(upload, answer.error ?? "was refused");
  }
}

function post(upload, existing) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    upload.request = request;
    const query = new URLSearchParams({ name: upload.name, existing });
    request.open("POST", `/documents?${query}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total: all }) => {
      if (all) upload.row.querySelector("progress").value = loaded / all;
    };
    request.onload = () => resolve({ status: request.status, answer: request.response ?? {} });
    request.onerror = reject;
    request.onabort = reject;
    request.send(upload.file);
  });
}

function follow(states) {
  for (const upload of uploads.filter((one) => one.source)) {
    const [state, reason] = states[upload.source] ?? [];
    if (state === "indexed") {
      upload.source = undefined;
      tell(upload, "ready");
      setTimeout(() => forget(upload), READY_MS);
    } else if (state === "failed" || state === "unread") {
      fail(upload, reason);
    } else if (state === "indexing") {
      tell(upload, "indexing", "being indexed");
    }
  }
}

// --- Asking the person ---------------------------------------------------------------------------
let last = Promise.resolve(); // one at a time

function put(title, name, what, answers) {
  const question = () =>
    new Promise((resolve) => {
      const before = document.activeElement;
      dialog.querySelector("h2").replaceChildren(title);
      dialog.querySelector(".what").replaceChildren(name, what);
      dialog.querySelector(".answers").replaceChildren(
        ...answers.map(([value, words, kind]) =>
          made("button", { type: "button", className: kind, textContent: words, value }),
        ),
      );
      dialog.returnValue = "";
      dialog.onclose = () => {
        resolve(dialog.returnValue || "cancel");
        before?.focus?.({ preventScroll: true });
      };
      dialog.showModal();
      dialog.querySelector(".answers button:last-child").focus();
    });
  last = last.then(question);
  return last;
}

const whatToDo = ({ name }) =>
  put(
    "A file of this name is there",
    made("bdi", { className: "name", textContent: name }),
    " is among the documents already.",
    [
      ["replace", "Replace it", "strong"],
      ["keep", "Keep both", ""],
      ["cancel", "Cancel", ""],
    ],
  );

async function remove(row) {
  const { source } = row.dataset;
  const name = made("span", { className: "name" }, row.querySelector(".name bdi").cloneNode(true));
  const answer = await put(
    "Remove this document?",
    name,
    " is deleted from the seeds folder, not only from the index. This cannot be undone here.",
    [
      ["remove", "Delete the file", "strong"],
      ["cancel", "Cancel", ""],
    ],
  );
  if (answer !== "remove") return undefined;
  const response = await fetch(`/documents?${new URLSearchParams({ source })}`, { method: "DELETE" });
  const { error } = await response.json().catch(() => ({ error: "could not be removed" }));
  if (error) {
    notes.set(source, error);
    return tick();
  }
  notes.delete(source);
  choice.names.delete(source);
  within(".add").focus();
  hurryUntil = Date.now() + 10 * IDLE_MS; // the index follows
  return refresh();
}

// --- Clicks, keys and drops ----------------------------------------------------------------------
function fold(folded) {
  part.classList.toggle("folded", folded);
  const button = within(".fold");
  button.setAttribute("aria-expanded", String(!folded));
  button.setAttribute("aria-label", `${folded ? "Unfold" : "Fold"} the list of documents`);
}

const actions = {
  add: () => picker.click(),
  all: () => pickAll(true),
  none: () => pickAll(false),
  remove: (button) => remove(button.closest(".document")),
  fold: () => {
    const folded = !part.classList.contains("folded");
    fold(folded);
    keep(localStorage, "folded", folded);
  },
};

column.addEventListener("click", (event) => {
  const button = event.target.closest("[data-documents]");
  if (button) actions[button.dataset.documents](button);
});

rows.addEventListener("change", ({ target }) => {
  pick(target.closest(".document").dataset.source, target.checked);
  tick();
  tellChoice();
});

let typed = 0;
filter.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(() => {
    rows.scrollTop = 0;
    refresh();
  }, 120);
});

picker.addEventListener("change", () => {
  add([...picker.files].map((file) => [file, false]));
  picker.value = "";
});

dialog.addEventListener("click", ({ target }) => {
  if (target.matches("button")) dialog.close(target.value);
});

// The page's own keys (Escape, "/", arrows) are not for the dialog and the filter.
for (const own of [dialog, filter]) own.addEventListener("keydown", (event) => event.stopPropagation());
filter.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !filter.value) return;
  filter.value = "";
  refresh();
});

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
let deep = 0; // elements within elements that a drag is over
document.addEventListener("dragenter", (event) => {
  if (!holdsFiles(event)) return;
  deep += 1;
  part.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (holdsFiles(event) && --deep <= 0) part.classList.remove("dropping");
});
document.addEventListener("dragover", (event) => {
  if (holdsFiles(event)) event.preventDefault(); // else the browser would open the file
});
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  deep = 0;
  part.classList.remove("dropping");
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  add(
    items
      .map((item) => [item.getAsFile(), item.webkitGetAsEntry?.()?.isDirectory ?? false])
      .filter(([file]) => file),
  );
});

// On a narrow screen the parts are tabs; `chat.js` looks after the other two.
function showDocuments() {
  const root = document.documentElement;
  if (!narrow.matches) return;
  root.dataset.part = "documents";
  for (const tab of document.querySelectorAll(".tabs [data-do]"))
    tab.setAttribute("aria-pressed", String(tab.dataset.do === "documents"));
}
document.addEventListener("click", (event) => {
  if (event.target.closest('.tabs [data-do="documents"]')) showDocuments();
  else if (event.target.closest("[data-add]")) picker.click(); // the welcome, before there are any
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

part.setAttribute("role", "complementary");
part.setAttribute("aria-label", "Documents");
fold(recall(localStorage, "folded") ?? matchMedia("(max-width: 1100px)").matches);
tellChoice();
refresh();
