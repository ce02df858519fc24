// What the screens show of the node, kept fresh by its hints. Screens listen for `chats`, `people`, `message`, `mailbox`, `up`.

import { get, listen } from "./node.js";

export const state = { me: null, chats: new Map(), people: new Map(), up: true };
export const changes = new EventTarget();

const tell = (name, detail) => changes.dispatchEvent(new CustomEvent(name, { detail }));

/** Listens as long as an element is on the page. */
export function whilst(element, name, listener) {
  const run = (event) => { if (element.isConnected) listener(event.detail); else changes.removeEventListener(name, run); };
  changes.addEventListener(name, run);
}

/** The chats, that with the latest message first. */
export const chatList = () => [...state.chats.values()].sort((one, other) => (other.last_at ?? 0) - (one.last_at ?? 0) || one.name.localeCompare(other.name));

/** Requests from people who wait for an answer. */
export const requests = () => [...state.people.values()].filter((person) => person.state === "pending");

/** Messages that are not read, over all chats. */
export const unread = () => [...state.chats.values()].reduce((sum, chat) => sum + chat.unread, 0);

export async function loadChats() {
  const chats = await get("/chats");
  state.chats = new Map(chats.map((chat) => [chat.room, chat]));
  tell("chats");
}

export async function loadPeople() {
  const people = await get("/contacts");
  state.people = new Map(people.map((person) => [person.account, person]));
  tell("people");
}

export async function loadMe() {
  state.me = await get("/id");
}

/** Everything anew. */
export async function load() {
  await Promise.all([loadMe(), loadChats(), loadPeople()]);
}

/** One chat anew. */
export async function loadChat(room) {
  const before = state.chats.get(room);
  const chat = await get(`/chats/${room}`).catch(() => null);
  // A stranger's chat begins when they are accepted.
  if (!chat || chat.state === "pending") return;
  state.chats.set(room, chat);
  tell("chats");
  if (chat.last && !chat.last.mine && chat.unread > 0 && chat.last.message !== before?.last?.message) tell("arrived", chat);
}

const due = new Set();
let timer = null;

/** Many hints in a moment become one look. */
function soon(what) {
  due.add(what);
  timer ??= setTimeout(async () => {
    const now = [...due];
    due.clear();
    timer = null;
    try {
      if (now.includes("all")) await load();
      else {
        if (now.includes("people")) await loadPeople();
        if (now.includes("chats")) await loadChats();
        else await Promise.all(now.filter((one) => one.startsWith("chat ")).map((one) => loadChat(one.slice(5))));
      }
    } catch { /* the stream says when the node is back, and everything is read anew then */ }
  }, 60);
}

function hint(event) {
  switch (event.event) {
    case "message":
    case "custody":
      tell("message", event);
      soon(`chat ${event.room}`);
      break;
    case "body":
      tell("message", event);
      break;
    case "room":
      tell("room", event);
      soon(`chat ${event.room}`);
      break;
    case "contact":
      soon("people");
      soon("chats");
      break;
    case "presence":
      soon("chats");
      break;
    case "mailbox":
      tell("mailbox", event);
      break;
    default: // open, lagged
      soon("all");
      tell("anew");
  }
}

/** Follows the node from now on. */
export function follow() {
  listen(hint, (up) => { if (state.up !== up) { state.up = up; tell("up"); } });
}
