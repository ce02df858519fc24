// One message as it stands in a room, and what can be done with it.

import { bdi, h, icon, open, round, sure, toast } from "./dom.js";
import { shown } from "./media.js";
import { post } from "./node.js";
import { custodyMark, custodySheet, custodyWords, gist, rich } from "./parts.js";
import { clock, moment, t } from "./words.js";

/** The reactions that are at hand. */
const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/** More of them, for reactions and for the composer. */
export const EMOJI = [..."😀😄😁😅🤣😊😇🙂😉😍😘😋😜🤔🤨😐😏🙄😴😷🤒🥳😎🤓😕😟😳🥺😭😱😡🤯👋👌🤞👎👏🙌💪🤝🎉🎂🌹🌞🌙⭐🔥💧🍎🍵🍜🏠🚲✈📷🎵⚽💡⏰✅❌❓❗"];

/** Texts longer than this are folded. */
const FOLD = 1600;

/** What two drawings of a message must have alike to be the same. How far its body is changes in place. */
export const looks = (message, place) => JSON.stringify([{ ...message, blob: message.blob?.blob }, place.first, place.last, place.words, place.quoted?.text, place.quoted?.kind]);

/**
 * The list item of a message. `place` says how it stands among others: `first` and `last` of a group, `words` when its custody
 * is said in words, `quoted` for what it answers.
 */
export function bubble(message, place, room) {
  const body = h("div.bubble", message.reply ? quote(message, place, room) : null, message.blob ? shown(message, room) : null, text(message, foot(message, place)));
  if (message.mine && message.kind === "text" && message.custody.state === "expired") body.append(h("button.button.small", { onclick: () => room.sendAgain(message) }, t("send-again")));
  const more = moreOf(message, room);
  const item = h(`li.message.${classes(message, place)}`, { "data-id": message.message, tabindex: "-1" }, h("div.line", body, isWhole(message) || message.mine ? more : null), reactions(message, room));
  item.setAttribute("aria-label", spoken(message));
  return held(item, body, message, room, more);
}

const classes = (message, place) => [message.mine ? "mine" : "theirs", place.first && "first", place.last && "last", message.blob && "media"].filter(Boolean).join(".");

/** From the least to the most that can be said of where a message is. */
const STEPS = ["expired", "waiting", "held", "delivered", "read"];

/** Photos and films that belong together, as one list item; each stays a message with its own menu. */
export function album(messages, place, room) {
  const [first] = messages;
  const parts = messages.map((message) => {
    const more = moreOf(message, room);
    const part = h("div.part", { "data-id": message.message, tabindex: "-1", role: "group", "aria-label": spoken(message) }, shown(message, room, true), more, reactions(message, room));
    return held(part, part, message, room, more);
  });
  // What is said of all is true of the one that is worst off.
  const worst = messages.toSorted((one, other) => STEPS.indexOf(one.custody?.state) - STEPS.indexOf(other.custody?.state))[0];
  return h(`li.message.album.${classes(first, place)}`, h("div.line", h("div.bubble", first.reply ? quote(first, place, room) : null, h("div.album-grid", parts), text(first, foot({ ...worst, at: messages.at(-1).at }, place)))));
}

function moreOf(message, room) {
  const more = round("more", t("message-actions"), () => actions(message, room, more), ".more");
  more.tabIndex = -1;
  return more;
}

/** Opens the menu of a message by a long press and by the right button. */
function held(item, body, message, room, more) {
  let timer;
  body.addEventListener("touchstart", () => { timer = setTimeout(() => actions(message, room, more), 500); }, { passive: true });
  for (const name of ["touchend", "touchmove", "touchcancel"]) body.addEventListener(name, () => clearTimeout(timer), { passive: true });
  body.addEventListener("contextmenu", (event) => {
    if (getSelection().isCollapsed && !event.target.closest("a")) { event.preventDefault(); actions(message, room, more); }
  });
  return item;
}

/** Whether it is there to be answered: not taken back, and of a kind that is known. */
const isWhole = (message) => message.kind === "text" || Boolean(message.blob);

function spoken(message) {
  const who = message.mine ? t("you") : message.from_name;
  return t("message-spoken", { who, text: gist(message), time: clock(message.at), custody: message.mine ? custodyWords(message.custody) : "" });
}

function text(message, end) {
  if (message.blob && !message.text) return h("p.text", end);
  if (message.kind !== "text" && !message.blob) return h("p.text", h("em", gist(message)), end);
  const isLong = message.text.length > FOLD;
  const shown = isLong ? message.text.slice(0, FOLD) : message.text;
  const isBig = message.text.length <= 12 && /^(\p{Extended_Pictographic}|\p{Emoji_Component}|\s){1,12}$/u.test(message.text) && !/^[\d#*\s]+$/.test(message.text);
  const words = h(`span.words-of${isBig ? ".big" : ""}`, rich(shown));
  const unfold = isLong ? h("button.link", { onclick: () => { words.replaceChildren(...rich(message.text)); unfold.remove(); } }, t("show-all")) : null;
  return h("p.text", words, unfold, end);
}

function quote(message, place, room) {
  const { quoted } = place;
  const words = quoted ? gist(quoted) : t("quote-missing");
  return h("button.quote", { onclick: () => room.jump(message.reply) },
    h("strong", quoted ? (quoted.mine ? t("you") : bdi(quoted.from_name)) : t("write")), bdi(words));
}

function foot(message, place) {
  const parts = [];
  if (message.late) parts.push(h("span.late", { title: t("late-long") }, t("late")));
  if (message.ahead) parts.push(h("span.late", { title: t("ahead-long") }, t("ahead")));
  if (message.edited) parts.push(h("span", t("edited")));
  parts.push(h("time", { datetime: new Date(message.at).toISOString(), title: moment(message.at) }, clock(message.at)));
  if (message.mine && place.isSent) parts.push(custodyMark(message.custody));
  return h("span.foot", parts);
}

function reactions(message, room) {
  if (!message.reactions?.length) return null;
  const all = new Map();
  for (const reaction of message.reactions) all.set(reaction.emoji, [...(all.get(reaction.emoji) ?? []), reaction]);
  const pills = [...all].map(([emoji, people]) => {
    const mine = people.some((one) => one.from === room.me);
    const names = people.map((one) => (one.from === room.me ? t("you") : one.from_name)).join(", ");
    const label = t("reaction", { emoji, names });
    return h(`button.pill${mine ? ".pill-mine" : ""}`, { "aria-label": label, title: label, "aria-pressed": String(mine), onclick: () => react(message, mine ? "" : emoji) }, bdi(emoji), people.length > 1 ? h("span", String(people.length)) : null);
  });
  return h("div.pills", pills);
}

const react = (message, emoji) => post(`/rooms/${message.room}/messages`, { react: message.message, emoji });

/** A line of a menu. */
export const choice = (name, words, onclick, extra = "") => h(`button.act${extra}`, { onclick }, icon(name), words);

/** What can be done with a message, near it, or from below on a narrow screen. */
export function actions(message, room, near) {
  const back = near?.closest("[data-id]");
  const act = (name, words, run, extra) => choice(name, words, () => { dialog.close(); run(); }, extra);
  const emoji = (one) => h("button.emoji", { "aria-label": t("react-with", { emoji: one }), onclick: () => { dialog.close(); react(message, mine(one) ? "" : one); } }, one);
  const mine = (one) => message.reactions?.some((reaction) => reaction.from === room.me && reaction.emoji === one);
  const isText = message.kind === "text";
  const isOne = isWhole(message);
  const all = h("div.emoji-grid", { hidden: true }, EMOJI.map(emoji));
  const wider = h("button.emoji", { "aria-label": t("react-more"), "aria-expanded": "false", onclick: () => { all.hidden = !all.hidden; wider.setAttribute("aria-expanded", String(!all.hidden)); } }, icon("add"));
  const dialog = h("dialog.menu", { "aria-label": t("message-actions") },
    isOne ? [h("div.quick", QUICK.map(emoji), wider), all] : null,
    isOne ? act("reply", t("reply"), () => room.composer.reply(message)) : null,
    isText ? act("copy", t("copy"), () => navigator.clipboard.writeText(message.text).then(() => toast(t("copied")))) : null,
    message.mine && isText ? act("edit", t("edit"), () => room.composer.edit(message)) : null,
    message.mine && isOne ? act("recall", t("recall"), () => recall(message, room), ".danger") : null,
    message.mine && room.isSent ? act("held", t("custody-title"), () => custodySheet(message, () => room.sendAgain(message))) : null);
  if (!dialog.children.length) return;
  open(dialog);
  dialog.addEventListener("close", () => back?.isConnected && !document.querySelector("dialog[open]") && document.activeElement === document.body && back.focus());
  settle(dialog, back?.querySelector(".bubble") ?? back);
}

/** Puts a menu beside what it belongs to; on a narrow screen it stays below. */
export function settle(dialog, near) {
  if (!near || innerWidth < 700) return;
  const at = near.getBoundingClientRect();
  const size = dialog.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8));
  const top = at.bottom + size.height + 12 < innerHeight ? at.bottom + 4 : Math.max(8, Math.min(at.top - size.height - 4, innerHeight - size.height - 8));
  Object.assign(dialog.style, { margin: "0", inset: `${top}px auto auto ${left}px` });
}

const recall = (message, room) => sure(t("recall-sure"), t("recall-what"), [t("cancel"), t("recall")], () => { post(`/rooms/${message.room}/messages`, { recall: message.message }); room.focusLog(); });
