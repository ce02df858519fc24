// The list of chats, and search over all of them.

import { avatar, bdi, h, icon, say } from "./dom.js";
import { get } from "./node.js";
import { custodyMark, empty, follows, gist } from "./parts.js";
import { chatList, requests, state, whilst } from "./state.js";
import { brief, number, t } from "./words.js";

/** So many hits are shown. */
export const HITS = 50;

/** How many messages were found. */
export const found = (hits) => (hits.length === HITS ? t("search-most", { count: HITS }) : hits.length ? t("search-found", { count: hits.length }) : t("search-none"));

/** What a chat is called here. */
export const chatName = (chat) => (chat.kind === "notes" ? t("notes") : chat.name);

/** What stands for a chat. */
export function chatFace(chat, extra = "") {
  if (chat.kind === "notes") return h(`span.avatar.hue-notes${extra}`, { "aria-hidden": "true" }, icon("note"));
  return avatar(chat.name, chat.contact ?? chat.room, extra);
}

class Chats extends HTMLElement {
  connectedCallback() {
    this.list = h("div.scroll");
    this.field = h("input", { type: "search", id: "search-all", placeholder: t("search"), "aria-label": t("search-all"), autocomplete: "off", oninput: () => this.type() });
    this.replaceChildren(
      h("header.head", h("h1", { tabindex: "-1" }, t("chats-title")), h("a.round", { href: "#/add", "aria-label": t("add-title"), title: t("add-title") }, icon("add"))),
      h("div.search", icon("search"), this.field), this.list);
    whilst(this, "chats", () => this.draw());
    whilst(this, "people", () => this.draw());
    this.mark = follows(this);
    this.draw();
  }

  type() {
    clearTimeout(this.timer);
    this.hits = null;
    this.draw();
    const words = this.field.value.trim();
    if (words) this.timer = setTimeout(() => this.search(words), 200);
  }

  async search(words) {
    const hits = await get(`/search?limit=${HITS}&words=${encodeURIComponent(words)}`);
    if (this.field.value.trim() !== words) return;
    this.hits = hits;
    this.draw();
    say(found(hits));
  }

  draw() {
    const words = this.field.value.trim().toLocaleLowerCase();
    const chats = chatList().filter((chat) => !words || chatName(chat).toLocaleLowerCase().includes(words));
    const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const rows = chats.map((chat) => row(chat));
    const asking = words ? 0 : requests().length;
    const ask = asking ? h("a.row.request", { href: "#/people" }, h("span.avatar.hue-notes", { "aria-hidden": "true" }, icon("people")), h("span.row-main", h("span.row-name", t("requests-waiting-for-you", { count: asking })))) : null;
    const friendless = !words && state.people.size === 0
      ? h("a.row.request", { href: "#/add" }, h("span.avatar.hue-notes", { "aria-hidden": "true" }, icon("link")), h("span.row-main", h("span.row-name", t("welcome-invite")), h("span.row-last", t("chats-empty")))) : null;
    this.list.replaceChildren(...[ask, h("ul.rows", { "aria-label": t("chats-title") }, rows), friendless, words ? this.found() : null].filter(Boolean));
    if (focused) this.list.querySelector(`[href="${focused}"]`)?.focus();
    this.mark();
  }

  found() {
    if (!this.hits) return h("p.soft.pad", { role: "status" }, t("searching"));
    if (!this.hits.length) return empty("search", t("search-none"), t("search-none-more"));
    const hits = this.hits.map((message) => {
      const chat = state.chats.get(message.room);
      return h("li", h("a.row", { href: `#/room/${message.room}/${message.message}` }, chat ? chatFace(chat) : null,
        h("span.row-main", h("span.row-top", bdi(chat ? chatName(chat) : "", ".row-name"), h("time", brief(message.at))), bdi(gist(message), ".row-last"))));
    });
    return h("section", h("h2.rows-title", found(this.hits)), h("ul.rows", hits));
  }
}

function row(chat) {
  const { last } = chat;
  const words = last ? gist(last) : chat.kind === "notes" ? t("notes-empty") : chat.state === "requested" ? t("state-requested") : t("chat-empty");
  const missing = chat.missing ? h("span.row-missing", { title: t("missing", { count: chat.missing }) }, icon("waiting"), h("span.sr", t("missing", { count: chat.missing }))) : null;
  const mark = last?.mine && chat.kind !== "notes" ? custodyMark(last.custody) : null;
  const many = chat.unread ? h("span.badge", h("span", { "aria-hidden": "true" }, chat.unread > 999 ? "999+" : number(chat.unread)), h("span.sr", t("unread", { count: chat.unread }))) : null;
  return h("li", h(`a.row${chat.unread ? ".row-unread" : ""}`, { href: `#/room/${chat.room}` },
    h("span.face", chatFace(chat), chat.online ? h("span.online", { title: t("online") }, h("span.sr", t("online"))) : null),
    h("span.row-main",
      h("span.row-top", bdi(chatName(chat), ".row-name"), last ? h("time", brief(last.at)) : null),
      h("span.row-bottom", mark, bdi(words, ".row-last"), missing, many))));
}

customElements.define("tidings-chats", Chats);
