// The conversations that this browser keeps: one key of localStorage for each, so that two tabs do
// not write over each other. What another tab has changed meanwhile is not overwritten but kept:
// this tab then goes on under a new name.

const owner = document.querySelector('meta[name="askseeds-user"]')?.content ?? "";
const shelf = {
  prefix: `askseeds/${encodeURIComponent(owner)}/conversation/`,
  current: `askseeds/${encodeURIComponent(owner)}/current`,

  token() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  },

  blank() {
    return { version: 1, id: shelf.token(), stamp: "", title: "", changed: 0, exchanges: [] };
  },

  // Storage may be switched off; then a conversation lasts as long as the page.
  read(id) {
    try {
      const kept = JSON.parse(localStorage.getItem(shelf.prefix + id));
      if (!kept || !Array.isArray(kept.exchanges)) return null;
      return { ...shelf.blank(), ...kept, id };
    } catch {
      return null;
    }
  },

  all() {
    let names = [];
    try {
      names = Object.keys(localStorage).filter((name) => name.startsWith(shelf.prefix));
    } catch {
      /* none */
    }
    return names
      .map((name) => name.slice(shelf.prefix.length))
      .map((id) => shelf.read(id) ?? { ...shelf.blank(), id, title: "Damaged conversation" })
      .sort((a, b) => b.changed - a.changed);
  },

  // Returns a line for the person when it cannot be kept.
  write(conversation) {
    const stored = shelf.read(conversation.id);
    if (stored && stored.stamp !== conversation.stamp) conversation.id = shelf.token();
    conversation.stamp = shelf.token();
    conversation.changed = Date.now();
    conversation.title ||= conversation.exchanges[0]?.question.trim().slice(0, 120) ?? "";
    try {
      localStorage.setItem(shelf.prefix + conversation.id, JSON.stringify(conversation));
    } catch {
      return "The browser cannot keep this conversation: its storage is full or switched off.";
    }
    shelf.stay(conversation.id);
    return "";
  },

  remove(id) {
    try {
      localStorage.removeItem(shelf.prefix + id);
    } catch {
      /* there was none */
    }
  },

  // At a log-out: who sits here next is somebody else.
  clear() {
    for (const { id } of shelf.all()) shelf.remove(id);
  },

  // Which conversation this tab shows: a new tab begins a new one, a reload goes on.
  stay(id) {
    try {
      sessionStorage.setItem(shelf.current, id);
    } catch {
      /* then a reload begins a new one */
    }
  },

  stayed() {
    try {
      return sessionStorage.getItem(shelf.current);
    } catch {
      return null;
    }
  },
};
