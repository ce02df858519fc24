// Small pieces to build pages from. Text always becomes a text node: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("button.primary", { onclick }, "Send")`. Children are nodes, texts, lists of them, or nothing. */
export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  const [first] = rest;
  if (first && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first)) set(element, rest.shift());
  element.append(...rest.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, properties) {
  if (properties.onclick && element.tagName === "BUTTON") element.type = "button";
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
}

/** Takes `icons.svg` into the page: an icon from another file blinks whenever it is drawn anew. */
export const sprite = () => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.open("GET", "/icons.svg");
  request.responseType = "document";
  request.onloadend = () => { if (request.response) document.body.prepend(document.importNode(request.response.documentElement, true)); done(); };
  request.send();
});

/** An icon of `icons.svg`. It says nothing by itself: the element around it has the name. */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon icon-${name} ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A QR code as a picture, from rows of `0` and `1`. Always dark on light: cameras expect it. */
export function qr(rows, name) {
  const svg = document.createElementNS(SVG, "svg");
  const size = rows.length + 8;
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", name);
  const path = document.createElementNS(SVG, "path");
  const runs = rows.map((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + 4} ${y + 4}h${run[0].length}v1h-${run[0].length}z`));
  path.setAttribute("d", runs.flat().join(""));
  svg.append(path);
  return svg;
}

/** A name or another text of somebody, in its own direction. */
export const bdi = (text, extra = "") => h(`bdi${extra}`, text);

/** A round button with an icon; its name is for everybody who does not see it. */
export function round(name, what, onclick, extra = "") {
  return h(`button.round${extra}`, { "aria-label": what, title: what, onclick }, icon(name));
}

/** A button with words. */
export const button = (words, onclick, extra = "") => h(`button.button${extra}`, { onclick }, words);

/** The letters and the colour that stand for a person until there are pictures. */
export function avatar(name, id, extra = "") {
  const letters = [...new Intl.Segmenter().segment(name.trim())].map((part) => part.segment);
  const hue = parseInt(String(id).slice(0, 4), 16) % 8 || 0;
  return h(`span.avatar.hue-${hue}${extra}`, { "aria-hidden": "true" }, (letters[0] || "?").toLocaleUpperCase());
}

/** Says something once to those who listen. */
export function say(text) {
  const at = document.getElementById("say");
  if (!at) return;
  at.textContent = "";
  requestAnimationFrame(() => { at.textContent = text; });
}

/** Words that come up at the bottom for a moment. */
export function toast(text) {
  document.querySelector(".toast")?.remove();
  const element = h("p.toast", text);
  document.body.append(element);
  say(text);
  setTimeout(() => element.remove(), 4000);
}

/** A sheet over the page, closed by Escape, by its button, or by a press beside it. Gives the dialog, opened. */
export function sheet(title, close, ...children) {
  const id = `sheet-${Math.random().toString(36).slice(2)}`;
  const end = round("close", close, () => dialog.close(), ".sheet-close");
  const dialog = h("dialog.sheet", { "aria-labelledby": id }, h("header", h("h2", { id }, title), end), ...children);
  return open(dialog);
}

/** Asks before something is done that cannot be undone by a press. */
export function sure(question, words, [no, yes], run) {
  const dialog = open(h("dialog.sheet", { "aria-label": yes }, h("div.sheet-body", h("h2", question), h("p", words)),
    h("footer", button(no, () => dialog.close()), button(yes, () => { dialog.close(); run(); }, ".danger"))));
}

/** What a form does when it is sent; what goes wrong is said at `trouble`. */
export const sends = (trouble, run) => async (event) => {
  event.preventDefault();
  trouble.textContent = "";
  try { await run(); } catch (error) { trouble.textContent = error.message; }
};

/** Opens a dialog, which goes away when it is closed. */
export function open(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.showModal();
  return dialog;
}

/** What the person last chose, which stays in this browser. */
export const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) {
    try { if (value === null || value === "") localStorage.removeItem(name); else localStorage.setItem(name, value); } catch { /* a full or closed browser store */ }
  },
};
