// A room: a window of its messages that moves through all of them, whatever their number.

import { bdi, h, icon, round, say } from "./dom.js";
import { album, bubble, looks } from "./bubble.js";
import { chatFace, chatName, found, HITS } from "./chats.js";
import { Composer } from "./composer.js";
import { isPicture } from "./media.js";
import { get, post } from "./node.js";
import { custodyWords, empty, gist, pageHead } from "./parts.js";
import { loadChat, state, whilst } from "./state.js";
import { brief, day, number, t } from "./words.js";

/** Messages read at a time, and kept on the page at most. */
const PAGE = 60;
const WINDOW = 240;

/** Nearer than this to an end, and more is read. */
const NEAR = 900;

/** Messages of one person within this time stand together. */
const TOGETHER = 5 * 60_000;

/** Photos and films of one person within this time are an album, of so many at most. */
const ALBUM = 60_000;
const ALBUM_MOST = 10;

class Room extends HTMLElement {
  async connectedCallback() {
    this.chat = state.chats.get(this.room);
    if (!this.chat) {
      this.chat = await get(`/chats/${this.room}`).catch(() => null);
      if (!this.chat) return this.replaceChildren(pageHead(t("no-room"), "#/chats"), empty("chats", t("no-room"), t("no-room-more")));
      state.chats.set(this.room, this.chat);
    }
    this.name = chatName(this.chat);
    this.isSent = this.chat.kind !== "notes";
    this.me = state.me.account;
    this.items = [];
    this.quotes = new Map();
    this.nodes = new Map();
    this.media = new Map();
    this.fresh = 0;
    this.divider = this.chat.unread ? this.chat.first_unread : null;
    this.build();
    this.dispatchEvent(new Event("tidings-built"));
    whilst(this, "message", (event) => { if (event.room === this.room) this.hint(event.message); });
    whilst(this, "anew", () => this.refresh());
    whilst(this, "chats", () => { this.head(); this.markRead(); });
    document.addEventListener("visibilitychange", this.seen = () => this.markRead());
    await this.open();
    this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    // Whoever reads the newest goes on doing so when the page below grows or shrinks.
    new ResizeObserver(() => { if (this.isEnd) this.bottom(); }).observe(this.log);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.seen);
  }

  build() {
    this.composer = new Composer(this);
    this.heading = h("div.room-title");
    this.notice = h("p.notice", { role: "status", hidden: true });
    this.log = h("ol.log", { "aria-label": t("messages"), onkeydown: (event) => this.key(event), tabindex: "0" });
    this.newest = h("button.round.newest", { hidden: true, "aria-label": t("to-newest"), title: t("to-newest"), onclick: () => this.toNewest() }, icon("down"), h("span.badge", { hidden: true }));
    this.results = h("div.results", { hidden: true });
    this.replaceChildren(
      h("header.head.room-head", h("a.round.back", { href: "#/chats", "aria-label": t("back"), title: t("back") }, icon("back", "flip")), this.heading, round("search", t("search-room"), () => this.toggleSearch())),
      this.results, this.notice, h("div.log-frame", this.log, this.newest), this.blocked() ?? this.composer.element);
    this.head();
    this.composer.fit();
    if (this.blocked()) return;
    this.ondragover = (event) => { if (event.dataTransfer.types.includes("Files")) this.classList.add("over"); };
    this.ondragleave = (event) => { if (!this.contains(event.relatedTarget)) this.classList.remove("over"); };
    this.ondrop = (event) => { this.classList.remove("over"); this.composer.attach([...event.dataTransfer.files]); };
  }

  blocked() {
    const words = { blocked: "state-blocked-long", declined: "state-declined-long" }[this.chat.state];
    return words ? h("p.closed", t(words)) : null;
  }

  head() {
    this.chat = state.chats.get(this.room) ?? this.chat;
    const { chat } = this;
    const closed = { blocked: "state-blocked", declined: "state-declined", requested: "state-requested" }[chat.state];
    const isOnline = chat.online && !closed;
    const status = chat.kind === "notes" ? t("notes-long") : closed ? t(closed) : isOnline ? t("online") : t("offline-held");
    const look = `${chatName(chat)} ${status} ${chat.missing} ${chat.gone}`;
    if (look === this.drawn) return;
    this.drawn = look;
    const words = h("span.room-words", h("h1", { tabindex: "-1" }, bdi(chatName(chat))), h(`span.room-status${isOnline ? ".is-online" : ""}`, status));
    const link = chat.contact ? h("a.room-link", { href: `#/person/${chat.contact}` }, chatFace(chat), words) : h("span.room-link", chatFace(chat), words);
    this.heading.replaceChildren(link);
    const isAsked = chat.state === "requested";
    this.notice.hidden = !chat.missing && !chat.gone && !isAsked;
    this.notice.replaceChildren(icon("waiting"), h("span", [chat.missing ? t("missing", { count: chat.missing }) : "", chat.gone ? t("gone", { count: chat.gone }) : "", isAsked ? t("state-requested-long") : ""].filter(Boolean).join(" ")));
  }

  page(query) {
    return get(`/rooms/${this.room}/messages?${query}`);
  }

  /** Begins where the person left off: at a message that was looked for, at the first unread one, or at the newest. */
  async open() {
    const at = this.at ?? (this.chat.unread > PAGE / 2 ? this.divider : null);
    if (at) await this.around(at);
    else await this.latest();
    const mark = this.log.querySelector(".divider");
    if (this.at) this.show(this.at);
    else if (mark) mark.scrollIntoView({ block: "center" });
    else this.bottom();
    this.scrolled();
  }

  async latest() {
    const items = await this.page(`limit=${PAGE}`);
    Object.assign(this, { hasOlder: items.length === PAGE, hasNewer: false });
    await this.put(items);
  }

  async around(message) {
    const items = await this.page(`limit=${PAGE}&around=${message}`).catch(() => []);
    if (!items.length) return this.latest();
    Object.assign(this, { hasOlder: true, hasNewer: true });
    await this.put(items);
  }

  /** Draws these messages; what looks as before is left alone. */
  async put(items) {
    this.items = items;
    await this.quote(items);
    this.draw();
  }

  async quote(items) {
    for (const item of items) this.quotes.set(item.message, item);
    const missing = [...new Set(items.map((item) => item.reply).filter((reply) => reply && !this.quotes.has(reply)))];
    if (!missing.length) return;
    const found = await this.page(`ids=${missing.join(",")}`).catch(() => []);
    for (const item of found) this.quotes.set(item.message, item);
    for (const id of missing) if (!this.quotes.has(id)) this.quotes.set(id, null);
  }

  draw() {
    const { items } = this;
    const wanted = [];
    const nodes = new Map();
    const day_ = (item) => new Date(item.at).toDateString();
    // A film that plays stays as it is until it ends, whatever comes after it.
    const isPart = (one) => isPicture(one) && this.media.get(one.message)?.element.querySelector("video")?.paused !== false;
    for (let at = 0, next; at < items.length; at = next) {
      const item = items[at];
      const isMore = (one) => one && isPart(one) && one.from === item.from && one.at - item.at < ALBUM && day_(one) === day_(item) && !one.text && !one.reply && one.message !== this.divider;
      next = at + 1;
      while (isPart(item) && next - at < ALBUM_MOST && isMore(items[next])) next += 1;
      const [group, before, after] = [items.slice(at, next), items[at - 1], items[next]];
      const isNewDay = !before || day_(before) !== day_(item);
      if (isNewDay) wanted.push(this.keep(nodes, `day ${item.at}`, day(item.at), () => h("li.day", h("span", day(item.at)))));
      if (item.message === this.divider) wanted.push(this.keep(nodes, "divider", "", () => h("li.divider", h("span", t("unread-divider")))));
      const isTogether = (one, other) => one && other && one.from === other.from && day_(one) === day_(other) && Math.abs(other.at - one.at) < TOGETHER && other.message !== this.divider;
      const place = { first: !isTogether(before, item), last: !isTogether(item, after), isSent: this.isSent, quoted: item.reply ? this.quotes.get(item.reply) : null };
      const look = group.map((one) => looks(one, place)).join();
      wanted.push(this.keep(nodes, item.message, look, () => (group.length > 1 ? album(group, place, this) : bubble(item, place, this))));
      for (const one of group) this.media.get(one.message)?.renew(one);
    }
    if (!items.length) wanted.push(h("li.log-empty", this.chat.kind === "notes" ? empty("note", t("notes"), t("notes-first")) : empty("chats", t("room-empty", { name: this.name }), t("room-empty-more"))));
    this.nodes = nodes;
    const known = new Set(items.map((item) => item.message));
    for (const id of this.media.keys()) if (!known.has(id)) this.media.delete(id);
    reconcile(this.log, wanted);
  }

  keep(nodes, key, look, make) {
    const old = this.nodes.get(key);
    const entry = old && old.look === look ? old : { look, node: make() };
    nodes.set(key, entry);
    return entry.node;
  }

  isAtEnd() {
    return !this.hasNewer && this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
  }

  bottom() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    const below = scrollHeight - scrollTop - clientHeight;
    const isEnd = this.isEnd = this.isAtEnd();
    this.newest.hidden = isEnd || (!this.hasNewer && below < 400);
    if (isEnd) { this.count(0); this.markRead(); }
    if (scrollTop < NEAR && this.hasOlder) this.older();
    else if (below < NEAR && this.hasNewer) this.newer();
  }

  count(fresh) {
    this.fresh = fresh;
    const badge = this.newest.querySelector(".badge");
    badge.hidden = !fresh;
    badge.textContent = number(fresh);
  }

  /** Runs one look at a time. */
  async alone(run) {
    if (this.busy) return;
    this.busy = true;
    try { await run(); } finally { this.busy = false; }
    if (this.again) { this.again = false; this.refresh(); }
  }

  older() {
    return this.alone(async () => {
      const items = await this.page(`limit=${PAGE}&before=${this.items[0].message}`);
      this.hasOlder = items.length === PAGE;
      await this.quote(items);
      const all = [...items, ...this.items];
      if (all.length > WINDOW) this.hasNewer = true;
      this.still(() => { this.items = all.slice(0, WINDOW); this.draw(); });
    });
  }

  newer() {
    return this.alone(async () => {
      const items = await this.page(`limit=${PAGE}&after=${this.items.at(-1).message}`);
      this.hasNewer = items.length === PAGE;
      await this.quote(items);
      const all = [...this.items, ...items];
      if (all.length > WINDOW) this.hasOlder = true;
      this.still(() => { this.items = all.slice(-WINDOW); this.draw(); });
    });
  }

  /** Changes the window while what the person looks at stays where it is. */
  still(change) {
    const top = this.log.getBoundingClientRect().top;
    const anchor = this.stops().find((child) => child.getBoundingClientRect().bottom > top);
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected) this.log.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  /** Something about a message changed. Many of these in a moment become one look. */
  hint(message) {
    this.due ??= new Set();
    this.due.add(message);
    this.timer ??= setTimeout(async () => {
      const due = [...this.due];
      this.due.clear();
      this.timer = null;
      const known = new Set(this.items.map((item) => item.message));
      if (due.length <= PAGE && due.every((one) => known.has(one))) await this.renew(due);
      else await this.refresh();
    }, 40);
  }

  async renew(ids) {
    const items = await this.page(`ids=${ids.join(",")}`);
    const now = new Map(items.map((item) => [item.message, item]));
    const wasEnd = this.isAtEnd();
    for (const item of items) this.quotes.set(item.message, item);
    this.speak(items);
    this.items = this.items.map((item) => now.get(item.message) ?? item);
    if (wasEnd) { this.draw(); this.bottom(); } else this.still(() => this.draw());
  }

  /** The newest own message is the one whose way a listener follows: a step of it is said once. */
  speak(items) {
    const own = this.items.findLast((item) => item.mine);
    const now = items.find((item) => item.message === own?.message);
    if (now && this.isSent && now.custody.state !== own.custody.state) say(custodyWords(now.custody));
  }

  /** Reads the window anew: what came may stand anywhere in it. */
  refresh() {
    if (this.busy) { this.again = true; return null; }
    return this.alone(async () => {
      const wasEnd = this.isAtEnd();
      const last = this.items.at(-1);
      const known = new Set(this.items.map((item) => item.message));
      const size = Math.min(Math.max(this.items.length, PAGE), WINDOW);
      let items;
      if (this.hasNewer) {
        const first = this.items[0];
        items = [first, ...await this.page(`limit=${size}&after=${first.message}`)];
      } else if (wasEnd || !last) {
        items = await this.page(`limit=${Math.min(size + PAGE, WINDOW)}`);
        this.hasOlder = items.length > 0 && (this.hasOlder || items.length === WINDOW || items.length === size + PAGE);
      } else {
        const first = this.items[0];
        items = [first, ...await this.page(`limit=${WINDOW}&after=${first.message}`)];
        if (items.length > WINDOW) this.hasNewer = true;
      }
      await this.quote(items);
      const arrived = items.filter((item) => !known.has(item.message) && !item.mine);
      if (arrived.length && last) say(arrived.length === 1 ? t("message-spoken", { who: arrived[0].from_name, text: gist(arrived[0]), time: "", custody: "" }) : t("unread", { count: arrived.length }));
      this.speak(items);
      if (wasEnd) {
        this.items = items;
        this.draw();
        this.bottom();
        this.markRead();
      } else {
        this.still(() => { this.items = items; this.draw(); });
        this.count(this.fresh + arrived.length);
        this.scrolled();
      }
    });
  }

  async toNewest() {
    if (this.hasNewer) await this.latest(); else await this.refresh();
    this.bottom();
    this.scrolled();
  }

  /** Goes to a message, wherever it is. */
  async jump(message) {
    if (!this.items.some((item) => item.message === message)) await this.around(message);
    this.show(message);
    this.scrolled();
  }

  show(message) {
    const item = this.log.querySelector(`[data-id="${message}"]`);
    if (!item) return;
    item.scrollIntoView({ block: "center" });
    item.classList.add("found");
    setTimeout(() => item.classList.remove("found"), 2000);
    item.focus({ preventScroll: true });
  }

  async markRead() {
    const chat = state.chats.get(this.room);
    if (document.visibilityState !== "visible" || !this.isConnected || this.marking || !this.isAtEnd() || !chat?.unread) return;
    this.marking = true;
    try {
      await post(`/rooms/${this.room}/read`);
      await loadChat(this.room);
    } finally { this.marking = false; }
  }

  sendAgain(message) {
    return post(`/rooms/${this.room}/messages`, { text: message.text }).then(() => this.toNewest());
  }

  focusLog() {
    (this.stops().at(-1) ?? this.log).focus();
  }

  /** The messages on the page, those in albums too. */
  stops() {
    return [...this.log.querySelectorAll("[data-id]")];
  }

  key(event) {
    const item = event.target.closest("[data-id]");
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.target.matches("input, video")) return;
    if (move && (item || event.target === this.log)) {
      event.preventDefault();
      const stops = this.stops();
      const next = item ? stops[stops.indexOf(item) + move] : stops.at(-1);
      if (next) next.focus(); else if (move > 0) this.composer.field.focus();
    } else if (item === event.target && (event.key === "Enter" || event.key === "ContextMenu")) {
      event.preventDefault();
      item.querySelector(".more")?.click();
    } else if (event.key === "Escape") {
      this.composer.field.focus();
    }
  }

  toggleSearch() {
    this.results.hidden = !this.results.hidden;
    if (this.results.hidden) { this.composer.field.focus(); return; }
    const list = h("div.results-list");
    const field = h("input", {
      type: "search", id: "search-room", placeholder: t("search-room"), "aria-label": t("search-room"), autocomplete: "off",
      oninput: () => { clearTimeout(this.searching); this.searching = setTimeout(() => this.search(field.value.trim(), list), 150); },
      onkeydown: (event) => { if (event.key === "Escape") this.toggleSearch(); },
    });
    this.results.replaceChildren(h("div.search", icon("search"), field, round("close", t("close"), () => this.toggleSearch())), list);
    field.focus();
  }

  async search(words, list) {
    if (!words) return list.replaceChildren();
    const hits = await get(`/search?limit=${HITS}&room=${this.room}&words=${encodeURIComponent(words)}`);
    const rows = hits.map((hit) => h("li", h("button.row", { onclick: () => this.jump(hit.message) },
      h("span.row-main", h("span.row-top", h("span.row-name", hit.mine ? t("you") : bdi(hit.from_name)), h("time", brief(hit.at))), bdi(gist(hit), ".row-last")))));
    return list.replaceChildren(h("p.rows-title", { role: "status" }, found(hits)), h("ul.rows", rows));
  }
}

/** Gives a list these children, and moves as little as it can. */
function reconcile(list, wanted) {
  const keep = new Set(wanted);
  for (const child of [...list.children]) if (!keep.has(child)) child.remove();
  let at = list.firstElementChild;
  for (const node of wanted) {
    if (node === at) at = at.nextElementSibling;
    else list.insertBefore(node, at);
  }
}

customElements.define("tidings-room", Room);
