// Taking answers along: one to the clipboard, or the whole conversation into a file. Both are made
// here, of what the server wrote, so that no route serves files.

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Away from https and localhost there is no clipboard but this one.
    const focused = document.activeElement;
    const area = make("textarea", { class: "off" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
  }
}

async function copy(number, button) {
  await copyText(markdowns[number - 1] ?? "");
  button.classList.add("done");
  announce("Copied");
  setTimeout(() => button.classList.remove("done"), 1500);
}

function exported(form) {
  const title = conversation.title || "Conversation";
  if (form === "md") return `# ${title.replace(/[\\`*_[\]<>]/g, "\\$&").replace(/\s+/g, " ")}\n\n${markdowns.join("\n")}`;
  const { id, changed, exchanges } = conversation;
  return `${JSON.stringify({ title, id, changed: new Date(changed).toISOString(), exchanges }, null, 1)}\n`;
}

function download(form) {
  const type = form === "md" ? "text/markdown" : "application/json";
  const name = (conversation.title || "conversation")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 60);
  const url = URL.createObjectURL(new Blob([exported(form)], { type }));
  const link = make("a", { href: url, download: `${name || "conversation"}.${form}` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
