// The frame: who may see it, where the person is, and what stands beside each other.

import { h, icon, kept, sprite, toast } from "./dom.js";
import { begin, get } from "./node.js";
import { changes, follow, load as loadState, requests, state, unread } from "./state.js";
import { load as loadWords, t } from "./words.js";
import { gist } from "./parts.js";
import "./chats.js";
import "./room.js";
import "./people.js";
import "./settings.js";
import { isNew, locked, stopped, welcome } from "./welcome.js";

const app = document.getElementById("app");
const TABS = [["chats", "chats-title"], ["people", "people-title"], ["settings", "settings-title"]];
let side = "";

function look() {
  const root = document.documentElement;
  for (const name of ["theme", "size"]) {
    const value = kept.get(name);
    if (value) root.dataset[name] = value; else delete root.dataset[name];
  }
}

/** Where the fragment leads: the list at the side, and the page beside it. */
function route() {
  const [first = "chats", ...rest] = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  const element = (tag, values) => Object.assign(document.createElement(tag), values);
  switch (first) {
    case "room": return ["chats", element("tidings-room", { room: rest[0], at: rest[1] })];
    case "person": return ["people", element("tidings-person", { account: rest[0] })];
    case "add": return ["people", element("tidings-add", {})];
    case "people": return ["people", null];
    case "settings": return ["settings", rest[0] ? element("tidings-setting", { page: rest[0] }) : null];
    default: return ["chats", null];
  }
}

function frame() {
  const tabs = TABS.map(([name, words]) => h(`a.tab.tab-${name}`, { href: `#/${name}` }, h("span.tab-icon", icon(name), h("span.badge", { hidden: true })), h("span", t(words))));
  app.replaceChildren(
    h("a.skip", { href: "#stage", onclick: (event) => { event.preventDefault(); document.getElementById("stage").focus(); } }, t("skip")),
    h("p.sr", { id: "say", role: "status", "aria-live": "polite" }),
    h("p.offline", { id: "offline", role: "status", hidden: true }, t("offline")),
    h("nav.tabs", { "aria-label": t("tabs") }, tabs),
    h("main.both",
      h("section.side", { id: "side", "aria-label": t("list") }),
      h("section.stage", { id: "stage", tabindex: "-1", "aria-label": t("content") })));
  side = "";
  badges();
}

function badges() {
  const counts = { chats: unread(), people: requests().length };
  for (const [name, count] of Object.entries(counts)) {
    const badge = document.querySelector(`.tab-${name} .badge`);
    if (!badge) continue;
    badge.hidden = count === 0;
    badge.textContent = count > 99 ? "99+" : String(count);
  }
  document.title = counts.chats ? t("title-unread", { count: counts.chats }) : "Tidings";
}

function show(focus) {
  const [list, page] = route();
  document.body.dataset.page = page ? "page" : "list";
  if (side !== list) {
    side = list;
    document.getElementById("side").replaceChildren(document.createElement(`tidings-${list}`));
  }
  for (const [name] of TABS) {
    const tab = document.querySelector(`.tab-${name}`);
    if (name === list) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
  }
  const stage = document.getElementById("stage");
  stage.replaceChildren(page ?? h("div.nothing", h("span.empty-icon", icon(list)), h("p", t("nothing-chat"))));
  dispatchEvent(new Event("tidings-moved"));
  // Who came by keyboard or listens is where the page begins; a finger does not want the keyboard yet.
  if (!focus) return;
  if (page && !page.firstChild) page.addEventListener("tidings-built", () => place(page), { once: true });
  place(page);
}

function place(page) {
  const first = matchMedia("(pointer: coarse)").matches ? null : page?.querySelector("[data-first]");
  (first ?? (page ?? document.getElementById("side")).querySelector("h1"))?.focus({ preventScroll: true });
}

async function notify({ detail: chat }) {
  if (kept.get("notify") !== "on" || document.visibilityState === "visible" || Notification.permission !== "granted") return;
  const words = kept.get("notify-text") === "on" ? gist(chat.last) : t("notify-new");
  const options = { body: words, icon: "/icon-192.png", tag: chat.room, lang: document.documentElement.lang };
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker) worker.showNotification(chat.name, options);
  else new Notification(chat.name, options).onclick = () => { focus(); location.hash = `#/room/${chat.room}`; };
}

/** Starts anew in another language. */
export async function speak() {
  await loadWords();
  frame();
  show(false);
}
addEventListener("tidings-language", speak);
addEventListener("tidings-look", look);

async function enter() {
  const token = location.hash.match(/^#token=([0-9a-f]+)$/)?.[1];
  if (token) {
    history.replaceState(null, "", "/");
    await begin(token);
  }
  await get("/id");
}

async function start() {
  look();
  await Promise.all([loadWords(), document.querySelector(".sprite") ?? sprite()]);
  try {
    await enter();
    await loadState();
  } catch (error) {
    app.replaceChildren(error.code === "token" ? locked(start) : stopped(error, start));
    return;
  }
  follow();
  frame();
  if (isNew()) {
    app.replaceChildren(welcome(() => { frame(); show(true); }));
  } else show(false);
}

addEventListener("hashchange", () => {
  if (/^#token=/.test(location.hash)) location.reload();
  else if (document.getElementById("stage")) show(true);
});
// A file that is dropped beside a chat would take the place of the app.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
addEventListener("tidings-locked", () => app.replaceChildren(locked(() => location.reload())));
addEventListener("unhandledrejection", (event) => { if (event.reason?.code && event.reason.code !== "token") { event.preventDefault(); toast(event.reason.message); } });
changes.addEventListener("chats", badges);
changes.addEventListener("people", badges);
changes.addEventListener("arrived", notify);
changes.addEventListener("up", () => { const bar = document.getElementById("offline"); if (bar) bar.hidden = state.up; });
start();

if ("serviceWorker" in navigator) {
  const rule = window.trustedTypes?.createPolicy("tidings-shell", { createScriptURL: (url) => (url === "/shell.js" ? url : "") });
  // What came before the worker was there, it keeps too.
  navigator.serviceWorker.ready.then(({ active }) => active.postMessage(["/", ...performance.getEntriesByType("resource").map(({ name }) => name)]));
  navigator.serviceWorker.register(rule ? rule.createScriptURL("/shell.js") : "/shell.js").catch(() => { /* a private window has none */ });
}
