// Contacts, requests, a person's page, and how people meet.

import { scan } from "./camera.js";
import { avatar, bdi, button, h, icon, qr, sends, sure, toast } from "./dom.js";
import { get, post } from "./node.js";
import { empty, follows, pageHead } from "./parts.js";
import { requests, state, whilst } from "./state.js";
import { shortDay, t } from "./words.js";

class People extends HTMLElement {
  connectedCallback() {
    this.list = h("div.scroll");
    this.replaceChildren(h("header.head", h("h1", { tabindex: "-1" }, t("people-title")), h("a.round", { href: "#/add", "aria-label": t("add-title"), title: t("add-title") }, icon("add"))), this.list);
    whilst(this, "people", () => this.draw());
    this.mark = follows(this);
    this.draw();
  }

  draw() {
    const all = [...state.people.values()];
    const part = (title, people) => (people.length ? h("section", h("h2.rows-title", title), h("ul.rows", people.map(row))) : null);
    const of = (...states) => all.filter((person) => states.includes(person.state));
    const asking = requests();
    const parts = [
      asking.length ? h("section.requests", h("h2.rows-title", t("requests-title")), h("ul.rows", asking.map(request))) : null,
      part(t("contacts"), of("accepted")), part(t("contacts-asked"), of("requested")), part(t("contacts-blocked"), of("blocked", "declined")),
    ].filter(Boolean);
    this.list.replaceChildren(...parts.length ? parts : [empty("people", t("people-none"), t("people-none-more"), h("a.button.primary", { href: "#/add" }, t("add-title")))]);
    this.mark();
  }
}

const STATES = { accepted: "state-accepted", requested: "state-requested", pending: "state-pending", declined: "state-declined", blocked: "state-blocked" };

function row(person) {
  return h("li", h("a.row", { href: `#/person/${person.account}` }, avatar(person.name, person.account),
    h("span.row-main", h("span.row-title", bdi(person.name, ".row-name"), person.verified ? h("span.verified", { role: "img", "aria-label": t("verified") }, icon("shield")) : null),
      person.state === "accepted" ? null : h("span.row-last", t(STATES[person.state])))));
}

function request(person) {
  const answer = (what) => async () => { await post(`/contacts/${person.account}/${what}`); };
  return h("li.asking", avatar(person.name, person.account),
    h("div.row-main", h("strong", bdi(person.name)), person.greeting ? h("p.greeting", { dir: "auto" }, person.greeting) : h("p.soft", t("state-pending")),
      h("div.buttons", button(t("accept"), answer("accept"), ".primary.small"), button(t("decline"), answer("decline"), ".small"), button(t("block"), answer("block"), ".small.quiet"))));
}

class Person extends HTMLElement {
  connectedCallback() {
    this.draw();
    whilst(this, "people", () => { if (!this.contains(document.activeElement) || document.activeElement.tagName !== "INPUT") this.draw(); });
  }

  async draw() {
    let person;
    try { person = await get(`/contacts/${this.account}`); } catch (error) { this.replaceChildren(pageHead("", "#/people"), empty("people", t("no-person"), error.message)); return; }
    const act = (what, body) => async () => {
      const at = [...this.querySelectorAll("button")].indexOf(document.activeElement);
      await post(`/contacts/${this.account}/${what}`, body);
      await this.draw();
      // Who came by keyboard stays where they were.
      if (at >= 0) this.querySelectorAll("button")[at]?.focus({ preventScroll: true });
    };
    const isFriend = person.state === "accepted";
    const name = h("input", { id: "called", type: "text", maxlength: "60", required: true, value: person.name });
    const rename = h("form.inline", { onsubmit: async (event) => { event.preventDefault(); await post(`/contacts/${this.account}/rename`, { name: name.value.trim() }); toast(t("saved")); } }, h("label", { for: "called" }, t("called")), h("div.field-row", name, h("button.button", t("save"))));
    const words = person.words.split(/\s+/).map((word) => h("li", { dir: "ltr", lang: "en" }, word));
    const verify = h("section.card", h("h2", icon("shield"), t("verify-title")), h("p.soft", t("verify-words", { name: person.name })), h("ol.words", words),
      person.verified ? h("p.good", icon("check"), t("verified")) : null,
      person.verified ? button(t("verify-undo"), act("verify", { agreed: false })) : button(t("verify-agree"), act("verify", { agreed: true }), ".primary"));
    const hold = isFriend ? h("section.card", h("h2", icon("held"), t("hold-title")), h("p.soft", t("hold-words", { name: person.name })), button(t("hold-ask"), () => this.askToHold(person))) : null;
    const isBlocked = person.state === "blocked";
    const block = h("section.card", h("p.soft", isBlocked ? t("state-blocked-long") : t("block-words", { name: person.name })),
      isBlocked ? button(t("unblock"), act("unblock")) : button(t("block"), () => sure(t("block-sure", { name: person.name }), t("block-words", { name: person.name }), [t("cancel"), t("block")], act("block")), ".danger"));
    this.replaceChildren(pageHead(t("state-accepted"), "#/people"), h("div.scroll.page",
      h("div.hero", avatar(person.name, person.account, ".huge"), h("h2", bdi(person.name)), h("p.soft", t(STATES[person.state]), " · ", t("since", { day: shortDay(person.since) })),
        person.state === "pending" ? h("div.buttons", button(t("accept"), act("accept"), ".primary"), button(t("decline"), act("decline"))) : null,
        isFriend || person.state === "requested" ? h("a.button.primary", { href: `#/room/${person.room}` }, t("write-message")) : null),
      h("section.card", rename), verify, hold, block));
  }

  async askToHold(person) {
    toast(t("hold-asked", { name: person.name }));
    const mailbox = await post("/neighbours", { contact: person.account });
    toast(t("hold-confirmed", { name: mailbox.name }));
  }
}

class Add extends HTMLElement {
  connectedCallback() {
    this.mine = h("div.invite");
    this.replaceChildren(pageHead(t("add-title"), "#/people"), h("div.scroll.page",
      h("section.card", h("h2", icon("share"), t("invite-title")), h("p.soft", t("invite-words")), this.mine),
      h("section.card", h("h2", icon("link"), t("use-title")), this.use())));
    this.offer();
  }

  offer() {
    this.mine.replaceChildren(button(t("invite-make"), () => this.make(), ".primary"));
  }

  async make() {
    const from = document.activeElement;
    const { link } = await post("/invite");
    const { rows } = await post("/qr", { text: link });
    const field = h("textarea.link-text", { readonly: true, rows: "3", dir: "ltr", "aria-label": t("invite-link"), onfocus: () => field.select() });
    field.value = link;
    const copy = button(t("copy"), async () => { await navigator.clipboard.writeText(link); toast(t("copied")); }, ".primary");
    const share = navigator.share ? button(t("share"), () => navigator.share({ text: link }).catch(() => {})) : null;
    this.mine.replaceChildren(qr(rows, t("invite-qr")), field, h("div.buttons", copy, share, button(t("invite-another"), () => this.make())), h("p.soft", t("invite-once")));
    // Who went on meanwhile is left where they are.
    if (document.activeElement === from || document.activeElement === document.body) copy.focus();
  }

  use() {
    const link = h("textarea", { id: "link", rows: "3", required: true, dir: "ltr", spellcheck: "false", autocomplete: "off" });
    const greeting = h("input", { id: "greeting", type: "text", maxlength: "120" });
    const trouble = h("p.trouble", { role: "alert" });
    return h("form", {
      onsubmit: sends(trouble, async () => {
        const person = await post("/contacts", { link: link.value.trim(), greeting: greeting.value.trim() });
        if (person.state === "requested") toast(t("use-asked", { name: person.name }));
        location.hash = `#/room/${person.room}`;
      }),
    }, navigator.mediaDevices ? button(t("scan"), () => scan((text) => {
      const isLink = text.startsWith("tidings:");
      if (isLink) { link.value = text; queueMicrotask(() => greeting.focus()); }
      return isLink;
    }, (words) => { trouble.textContent = words; })) : null, h("label", { for: "link" }, t("use-link")), link, h("label", { for: "greeting" }, t("use-greeting")), greeting, trouble, h("button.button.primary", t("use-go")));
  }
}

customElements.define("tidings-people", People);
customElements.define("tidings-person", Person);
customElements.define("tidings-add", Add);
