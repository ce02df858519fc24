// Pieces that several screens show: custody in words and as an icon, links in texts, the sheet of one message.

import { bdi, h, icon, sheet } from "./dom.js";
import { get } from "./node.js";
import { moment, shortDay, t } from "./words.js";

const CUSTODY = {
  waiting: "custody-waiting",
  held: "custody-held",
  delivered: "custody-delivered",
  read: "custody-read",
  expired: "custody-expired",
};

/** Where a message is, in words. */
export function custodyWords(custody) {
  const until = custody.until ? shortDay(custody.until) : "";
  return t(CUSTODY[custody.state], { count: custody.held_by.length, until });
}

/** The same as an icon with a name. */
export function custodyMark(custody) {
  const words = custodyWords(custody);
  return h(`span.mark.mark-${custody.state}`, { role: "img", "aria-label": words, title: words }, icon(custody.state));
}

/** What kinds of media are called. */
export const KINDS = { photo: "kind-photo", voice: "kind-voice", audio: "kind-audio", video: "kind-video", file: "kind-file" };

const LINK = /https?:\/\/[^\s<>"'「」【】《》（），。]+/gi;

/** A text of somebody as nodes: links can be followed, and nothing else in it means anything. */
export function rich(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const trailing = found[0].match(/[.,;:!?)\]]+$/)?.[0] ?? "";
    const link = found[0].slice(0, found[0].length - trailing.length);
    let url;
    try { url = new URL(link); } catch { continue; }
    // The host as it is looked up: letters that only look like others come out as what they are.
    const shown = link.replace(/^(https?:\/\/)[^/?#]+/i, (_, scheme) => scheme + url.host);
    nodes.push(text.slice(from, found.index), h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer", dir: "ltr" }, shown));
    from = found.index + link.length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

/** What a message says in one line. */
export function gist(message) {
  if (message.kind === "recalled") return t("message-recalled");
  if (message.kind === "later") return t("message-later");
  const words = message.text.slice(0, 300).replace(/\s+/g, " ");
  const about = words || (message.kind === "file" ? message.blob?.name : "");
  return message.blob ? [t(KINDS[message.kind]), about].filter(Boolean).join(": ") : words;
}

const line = (name, words, when) => h("li", icon(name), h("span", words), h("small", when));

/** Who holds an own message since when, and when receipts came. */
export async function custodySheet(message, again) {
  const standings = await get(`/rooms/${message.room}/messages/${message.message}/custody`);
  const people = standings.map((standing) => h("section.standing",
    h("h3", bdi(standing.name)),
    h("ol.way",
      line("note", t("custody-written"), moment(message.at)),
      standing.held.map((holder) => line("held", holder.name ? t("custody-holder", { name: holder.name }) : t("custody-holder-relay"), t("custody-holder-until", { until: moment(holder.until) }))),
      standing.state === "waiting" ? line("waiting", t("custody-waiting-long"), "") : null,
      standing.state === "expired" ? line("expired", t("custody-expired-long"), "") : null,
      standing.delivered ? line("delivered", t("custody-delivered"), moment(standing.delivered)) : null,
      standing.read ? line("read", t("custody-read"), moment(standing.read)) : null)));
  const none = standings.length ? null : h("p.soft", t("custody-notes"));
  const dialog = sheet(t("custody-title"), t("close"), h("div.sheet-body", people, none, h("p.soft", t("custody-what"))));
  if (message.custody.state === "expired" && message.kind === "text") {
    dialog.append(h("footer", h("button.button.primary", { onclick: () => { dialog.close(); again(); } }, t("send-again"))));
  }
}

/** The head of a page beside the list, with the way back on a narrow screen. */
export function pageHead(title, back, ...more) {
  return h("header.head",
    h("a.round.back", { href: back, "aria-label": t("back"), title: t("back") }, icon("back", "flip")),
    h("h1", { tabindex: "-1" }, title), ...more);
}

/** Tells in a list where the person is, now and whenever that changes. */
export function follows(element) {
  const mark = () => {
    if (!element.isConnected) { removeEventListener("tidings-moved", mark); return; }
    for (const link of element.querySelectorAll("a.row")) {
      if (location.hash === link.getAttribute("href")) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
  };
  addEventListener("tidings-moved", mark);
  mark();
  return mark;
}

/** Nothing to show yet, and what to do about it. */
export function empty(name, title, words, ...more) {
  return h("div.empty", h("span.empty-icon", icon(name)), h("h2", title), h("p", words), ...more);
}
