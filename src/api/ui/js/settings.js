// What a person decides, and how the node is.

import { chatFace, chatName } from "./chats.js";
import { avatar, bdi, button, h, icon, kept, sends, sheet, sure, toast } from "./dom.js";
import { archive, ask, get, post } from "./node.js";
import { empty, follows, pageHead } from "./parts.js";
import { chatList, loadMe, state, whilst } from "./state.js";
import { bytes, has, LANGUAGES, number, t } from "./words.js";

const PAGES = [
  ["profile", "me", "set-profile"],
  ["look", "look", "set-look"],
  ["notify", "bell", "set-notify"],
  ["mail", "held", "set-mail"],
  ["space", "disk", "set-space"],
  ["backup", "key", "set-backup"],
  ["devices", "device", "set-devices"],
  ["health", "heart", "set-health"],
];

/** The sizes up to which media can come by themselves. */
const SIZES = [0, 2 ** 20, 2 ** 24, 2 ** 28, Number.MAX_SAFE_INTEGER];

/** The choice of what comes by itself, in a room or everywhere; `null` is what holds elsewhere. */
function comes(id, set, room) {
  const now = set === null ? null : Math.min(set, SIZES.at(-1));
  const words = (size) => (size === 0 ? t("comes-never") : size === SIZES.at(-1) ? t("comes-all") : t("comes-upto", { bytes: bytes(size) }));
  const sizes = [...new Set([...SIZES, ...now === null ? [] : [now]])].sort((one, other) => one - other);
  const choice = h("select", { id, onchange: async () => {
    await post("/media/policy", { room, at_once_bytes: choice.value ? Number(choice.value) : null });
    toast(t("saved"));
  } }, room ? h("option", { value: "" }, t("comes-else")) : null, sizes.map((size) => h("option", { value: String(size) }, words(size))));
  choice.value = now === null ? "" : String(now);
  return choice;
}

class Settings extends HTMLElement {
  connectedCallback() {
    const rows = PAGES.map(([page, name, words]) => h("li", h("a.row", { href: `#/settings/${page}` }, h("span.avatar.hue-notes", { "aria-hidden": "true" }, icon(name)), h("span.row-main", h("span.row-name", t(words))), icon("next", "flip chevron"))));
    this.replaceChildren(h("header.head", h("h1", { tabindex: "-1" }, t("settings-title"))), h("div.scroll",
      h("a.me", { href: "#/settings/profile" }, avatar(state.me.name, state.me.account, ".large"), h("span.row-main", h("strong", bdi(state.me.name)), h("small.soft", t("account")))), h("ul.rows", rows)));
    follows(this);
  }
}

class Setting extends HTMLElement {
  connectedCallback() {
    const known = PAGES.find(([page]) => page === this.page);
    if (!known) return this.replaceChildren(pageHead("", "#/settings"), empty("settings", t("no-page"), ""));
    this.body = h("div.scroll.page");
    this.replaceChildren(pageHead(t(known[2]), "#/settings"), this.body);
    return this[this.page]();
  }

  profile() {
    const name = h("input", { id: "own-name", type: "text", maxlength: "60", required: true, value: state.me.name });
    const trouble = h("p.trouble", { role: "alert" });
    const form = h("form", {
      onsubmit: sends(trouble, async () => {
        await post("/name", { name: name.value.trim() });
        await loadMe();
        toast(t("saved"));
        document.querySelector("tidings-settings")?.replaceWith(document.createElement("tidings-settings"));
        this.profile();
      }),
    }, h("label", { for: "own-name" }, t("welcome-name")), h("div.field-row", name, h("button.button.primary", t("save"))), h("p.hint", t("welcome-name-more")), trouble);
    this.body.replaceChildren(h("div.hero", avatar(state.me.name, state.me.account, ".huge"), h("h2", bdi(state.me.name))), h("section.card", form),
      h("section.card", h("h2", t("account")), h("p.soft", t("account-words")), h("code.id", { dir: "ltr" }, state.me.account)));
  }

  look() {
    const language = h("select", { id: "language", onchange: () => { kept.set("language", language.value); dispatchEvent(new Event("tidings-language")); } },
      h("option", { value: "" }, t("language-browser")), LANGUAGES.map(([tag, name]) => h("option", { value: tag, lang: tag }, name)));
    language.value = kept.get("language") ?? "";
    this.body.replaceChildren(
      h("section.card", h("label", { for: "language" }, t("language")), language),
      this.choices("theme", t("theme"), [["", t("theme-system")], ["light", t("theme-light")], ["dark", t("theme-dark")]]),
      this.choices("size", t("size"), [["", t("size-normal")], ["large", t("size-large")], ["huge", t("size-huge")]]));
  }

  choices(name, title, options) {
    const radios = options.map(([value, words]) => h("label.radio", h("input", { type: "radio", name, value, checked: (kept.get(name) ?? "") === value, onchange: () => { kept.set(name, value); dispatchEvent(new Event("tidings-look")); } }), h("span", words)));
    return h("section.card", h("fieldset", h("legend", title), radios));
  }

  notify() {
    if (!("Notification" in window)) return this.body.replaceChildren(empty("bell", t("notify-none"), ""));
    const isDenied = Notification.permission === "denied";
    const isOn = kept.get("notify") === "on" && Notification.permission === "granted";
    const on = this.toggle("notify-on", t("notify-on"), isOn, async (value) => {
      if (value && await Notification.requestPermission() !== "granted") { kept.set("notify", null); return this.notify(); }
      kept.set("notify", value ? "on" : null);
      return this.notify();
    });
    const text = this.toggle("notify-show", t("notify-show"), kept.get("notify-text") === "on", (value) => kept.set("notify-text", value ? "on" : null));
    return this.body.replaceChildren(h("section.card", on, text, h("p.hint", isDenied ? t("notify-denied") : t("notify-words"))));
  }

  toggle(id, words, value, change) {
    const input = h("input.switch", { type: "checkbox", role: "switch", id, checked: value, onchange: () => change(input.checked) });
    return h("div.toggle", h("label", { for: id }, words), input);
  }

  async mail() {
    const mailboxes = await get("/mailboxes");
    whilst(this, "mailbox", () => { if (document.activeElement?.id !== "relay") this.mail(); });
    const rows = mailboxes.map((mailbox) => h("li.asking",
      h("span.avatar.hue-notes", { "aria-hidden": "true" }, icon("held")),
      h("div.row-main", h("strong", mailbox.kind === "relay" ? t("relay") : bdi(mailbox.name)), h("p.soft", this.mailboxWords(mailbox)),
        h("code.id", { dir: "ltr" }, mailbox.peer), h("div.buttons", button(t("mail-leave"), () => this.leave(mailbox), ".small")))));
    const link = h("textarea", { id: "relay", rows: "2", required: true, dir: "ltr", spellcheck: "false", autocomplete: "off" });
    const trouble = h("p.trouble", { role: "alert" });
    const join = h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        trouble.textContent = t("mail-asking");
        trouble.classList.add("fine");
        try { await post("/relay/join", { link: link.value.trim() }); link.blur(); await this.mail(); } catch (error) { trouble.textContent = error.message; trouble.classList.remove("fine"); }
      },
    }, h("label", { for: "relay" }, t("mail-relay-link")), link, trouble, h("button.button.primary", t("mail-join")));
    const friends = [...state.people.values()].filter((person) => person.state === "accepted" && !mailboxes.some((mailbox) => mailbox.account === person.account));
    const ask_ = friends.length ? h("section.card", h("h2", t("mail-friends")), h("p.soft", t("mail-friends-words")), h("ul.rows", friends.map((person) => h("li", h("a.row", { href: `#/person/${person.account}` }, avatar(person.name, person.account), h("span.row-main", bdi(person.name, ".row-name")), icon("next", "flip chevron")))))) : null;
    this.body.replaceChildren(h("section.card", h("h2", t("mail-title")), h("p.soft", t("mail-words")), mailboxes.length ? h("ul.rows", rows) : h("p.notice", icon("held"), t("mail-none"))), ask_, h("section.card", h("h2", t("mail-relay")), h("p.soft", t("mail-relay-words")), join));
  }

  mailboxWords(mailbox) {
    if (mailbox.state === "confirmed") return t("mail-confirmed", { bytes: bytes(mailbox.quota_bytes), days: Math.round(mailbox.ttl_ms / 86_400_000) });
    return mailbox.state === "refused" ? t("mail-refused") : t("mail-asked");
  }

  leave(mailbox) {
    const name = mailbox.kind === "relay" ? t("relay") : mailbox.name;
    sure(t("mail-leave-sure", { name }), t("mail-leave-words"), [t("cancel"), t("mail-leave")], async () => { await ask("DELETE", `/mailboxes/${mailbox.peer}`); await this.mail(); });
  }

  async space() {
    const [storage, policies] = await Promise.all([get("/media"), get("/media/policy")]);
    const taken = (chat) => storage.rooms.find((one) => one.room === chat.room)?.bytes ?? 0;
    const rows = chatList().sort((one, other) => taken(other) - taken(one)).map((chat) => h("li", h("button.row", { onclick: () => this.roomSpace(chat, policies, taken(chat)) },
      chatFace(chat), h("span.row-main", bdi(chatName(chat), ".row-name"), h("small.soft", bytes(taken(chat)))), icon("next", "flip chevron"))));
    this.body.replaceChildren(
      h("section.card", h("label", { for: "comes" }, t("comes-title")), comes("comes", policies.at_once_bytes, null), h("p.hint", t("comes-words"))),
      h("section.card", h("h2", icon("disk"), t("space-total", { bytes: bytes(storage.bytes) })), storage.held_for_others ? h("p.soft", t("space-held", { bytes: bytes(storage.held_for_others) })) : null),
      h("section.card", h("h2", t("space-rooms")), h("ul.rows", rows)));
  }

  /** What comes by itself in one chat, and its clean-up. Nobody else has what is in the notes. */
  roomSpace(chat, policies, taken) {
    const own = policies.rooms.find((one) => one.room === chat.room)?.at_once_bytes ?? null;
    const clean = chat.kind === "notes" || !taken ? null : [h("p.soft", t("clear-words")), button(t("clear"), async () => {
      const done = await ask("DELETE", `/rooms/${chat.room}/media`);
      dialog.close();
      toast(t("clear-done", { bytes: bytes(done.bytes) }));
    }, ".danger")];
    const dialog = sheet(chatName(chat), t("close"), h("div.sheet-body", h("label", { for: "comes-here" }, t("comes-title")), comes("comes-here", own, chat.room), h("p.hint", t("comes-words")), clean));
    dialog.addEventListener("close", () => this.space());
  }

  devices() {
    this.body.replaceChildren(h("section.card", h("h2", icon("device"), t("device-this")), h("p.soft", t("device-words")), h("code.id", { dir: "ltr" }, state.me.device)));
  }

  backup() {
    this.body.replaceChildren(this.phrase(), this.keep(), h("section.card", h("h2", t("import-title")), h("p.soft", t("import-words")), h("pre.command", { dir: "ltr" }, "tidings import FILE")),
      h("section.card", h("h2", t("passphrase-title")), h("p.soft", t("passphrase-words")), h("pre.command", { dir: "ltr" }, "tidings passphrase set")));
  }

  phrase() {
    const sure = h("input", { type: "checkbox", id: "alone", onchange: () => { show.disabled = !sure.checked; } });
    const show = button(t("phrase-show"), async () => {
      const { recovery_phrase: phrase } = await get("/recovery-phrase");
      const words = h("ol.words", { "aria-label": t("phrase-title") }, phrase.split(/\s+/).map((word) => h("li", { dir: "ltr", lang: "en" }, word)));
      const hide = button(t("phrase-hide"), () => this.backup());
      place.replaceChildren(words, hide);
      hide.focus();
    }, ".primary");
    show.disabled = true;
    const place = h("div.stack", h("label.radio", sure, h("span", t("phrase-alone"))), show);
    return h("section.card", h("h2", icon("key"), t("phrase-title")), h("p.soft", t("phrase-words")), place);
  }

  keep() {
    const first = h("input", { id: "pass", type: "password", autocomplete: "new-password", required: true });
    const second = h("input", { id: "pass-again", type: "password", autocomplete: "new-password", required: true });
    const trouble = h("p.trouble", { role: "alert" });
    const bar = h("progress", { hidden: true, "aria-label": t("archive-title") });
    const go = h("button.button.primary", t("archive-go"));
    const form = h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        if (first.value !== second.value) { trouble.textContent = t("archive-differ"); trouble.classList.remove("fine"); return; }
        Object.assign(go, { disabled: true });
        bar.hidden = false;
        trouble.textContent = t("archive-busy");
        trouble.classList.add("fine");
        try {
          const blob = await archive(first.value, (here, all) => { bar.max = all; bar.value = here; });
          const link = h("a", { href: URL.createObjectURL(blob), download: `tidings-${new Date().toISOString().slice(0, 10)}.archive` });
          link.click();
          setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
          trouble.textContent = t("archive-done", { bytes: bytes(blob.size) });
          form.reset();
        } catch (error) { trouble.textContent = error.message; trouble.classList.remove("fine"); }
        bar.hidden = true;
        bar.removeAttribute("value");
        go.disabled = false;
        go.focus();
      },
    }, h("label", { for: "pass" }, t("archive-pass")), first, h("label", { for: "pass-again" }, t("archive-pass-again")), second, bar, trouble, go);
    return h("section.card", h("h2", icon("share"), t("archive-title")), h("p.soft", t("archive-words")), form);
  }

  async health() {
    const [diagnosis, status] = await Promise.all([get("/doctor"), get("/status")]);
    const checks = diagnosis.checks.map((check) => {
      const words = has(`doctor-${check.code}`) ? t(`doctor-${check.code}`, { count: check.count }) : check.found;
      const advice = !check.ok && (has(`doctor-${check.code}-do`) ? t(`doctor-${check.code}-do`) : check.advice);
      return h(`li.check${check.ok ? "" : ".ill"}`, icon(check.ok ? "check" : "expired"), h("div", h("span.sr", check.ok ? t("health-ok") : t("health-ill")), h("p", words), advice ? h("p.soft", advice) : null));
    });
    const fact = (words, value) => h("div", h("dt", words), h("dd", value));
    this.body.replaceChildren(
      h(`div.verdict${diagnosis.healthy ? "" : ".ill"}`, icon(diagnosis.healthy ? "check" : "expired"), h("h2", diagnosis.healthy ? t("health-good") : t("health-better"))),
      h("section.card", h("ul.checks", checks)),
      h("section.card", h("dl.facts",
        fact(t("fact-connected"), number(status.peers)), fact(t("fact-waiting"), number(status.outbox.waiting)), fact(t("fact-held"), number(status.outbox.held)),
        fact(t("fact-disk"), bytes(status.store.bytes)), fact(t("fact-version"), h("span", { dir: "ltr" }, status.version)))),
      h("div.buttons", button(t("health-again"), () => this.health())));
  }
}

customElements.define("tidings-settings", Settings);
customElements.define("tidings-setting", Setting);
