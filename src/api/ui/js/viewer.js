// Photos and films over the whole page: near and far, one after the other.

import { actions } from "./bubble.js";
import { h, open, round } from "./dom.js";
import { isPicture, small } from "./media.js";
import { bodyOf } from "./node.js";
import { KINDS } from "./parts.js";
import { whilst } from "./state.js";
import { number, t } from "./words.js";

/** As near as a picture comes. */
const NEAR = 8;

/** A finger that goes so far aside asks for another picture. */
const ASIDE = 60;

/** Opens the viewer at a message of a room. */
export const view = (id, room) => new Viewer(id, room);

class Viewer {
  constructor(id, room) {
    Object.assign(this, { id, room, fingers: new Map() });
    this.stage = h("div.viewer-page", {
      onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event), onpointerup: (event) => this.up(event), onpointercancel: (event) => this.fingers.delete(event.pointerId),
      onwheel: (event) => { event.preventDefault(); this.zoom(Math.exp(-event.deltaY / 300), event); },
      ondblclick: (event) => this.zoom(this.scale > 1 ? 0 : 2.5, event),
    });
    this.words = h("p.viewer-words", { role: "status", dir: "auto" });
    this.bar = h("progress", { "aria-label": t("fetching") });
    this.far = round("minus", t("zoom-out"), () => this.zoom(1 / 1.5));
    this.near = round("add", t("zoom-in"), () => this.zoom(1.5));
    this.save = h("a.round", { "aria-label": t("save"), title: t("save") });
    this.save.append(round("down", "").firstChild);
    const more = round("more", t("message-actions"), () => { this.dialog.close(); actions(this.message, room, document.querySelector(`[data-id="${this.id}"] .more`)); });
    this.before = round("back", t("previous"), () => this.step(-1), ".viewer-before");
    this.after = round("next", t("next"), () => this.step(1), ".viewer-after");
    for (const side of [this.before, this.after]) side.firstChild.classList.add("flip");
    this.dialog = h("dialog.viewer", { tabindex: "-1", onkeydown: (event) => this.key(event) },
      h("div.viewer-bar", this.far, this.near, this.save, more, round("close", t("close"), () => this.dialog.close())), this.stage, this.before, this.after, h("div.viewer-foot", this.words, this.bar));
    open(this.dialog);
    whilst(this.dialog, "message", () => setTimeout(() => this.progress(), 100));
    this.dialog.addEventListener("close", () => { this.stage.replaceChildren(); document.querySelector(`[data-id="${this.id}"] .photo`)?.focus(); });
    this.draw();
    this.dialog.focus();
  }

  get all() { return this.room.items.filter(isPicture); }

  get message() { return this.room.items.find((item) => item.message === this.id) ?? this.last; }

  draw() {
    const { all, message } = this;
    this.last = message;
    const at = all.findIndex((item) => item.message === this.id);
    const { width, height } = message.preview;
    if (message.kind === "video") this.thing = h("video", { controls: true, autoplay: true, playsinline: true, poster: small(message), src: bodyOf(message), "aria-label": message.blob.name });
    else {
      this.thing = h("img", { src: bodyOf(message), width: width || null, height: height || null, alt: message.text || message.blob.name, draggable: "false" });
      if (small(message)) this.thing.style.backgroundImage = `url(${small(message)})`;
    }
    this.dialog.setAttribute("aria-label", t(KINDS[message.kind]));
    this.far.hidden = this.near.hidden = message.kind === "video";
    this.stage.replaceChildren(this.thing);
    Object.assign(this.save, { href: bodyOf(message), download: message.blob.name });
    this.before.hidden = at <= 0;
    this.after.hidden = at < 0 || at === all.length - 1;
    this.words.textContent = [message.text || t(KINDS[message.kind]), all.length > 1 ? t("place-of", { at: number(at + 1), all: number(all.length) }) : ""].filter(Boolean).join(" · ");
    this.progress();
    this.zoom(0);
  }

  progress() {
    const { blob } = this.message;
    Object.assign(this.bar, { hidden: blob.state === "here" || !blob.have, max: blob.size, value: blob.have });
  }

  step(by) {
    const { all } = this;
    const next = all[all.findIndex((item) => item.message === this.id) + by];
    if (!next) return;
    this.id = next.message;
    this.draw();
  }

  /** Comes nearer by a factor, towards a point; 0 shows the whole. */
  zoom(factor, point) {
    const before = this.scale;
    this.scale = Math.min(NEAR, Math.max(1, factor ? before * factor : 1));
    const middle = this.stage.getBoundingClientRect();
    const [x, y] = point ? [point.clientX - middle.width / 2, point.clientY - middle.height / 2] : [0, 0];
    const by = this.scale / before;
    this.shift(x - (x - this.x) * by, y - (y - this.y) * by);
  }

  /** Moves what is seen; never beyond the edge of the picture. */
  shift(x, y) {
    const room = (size, page) => Math.max(0, (size * this.scale - page) / 2);
    const within = (value, most) => Math.max(-most, Math.min(most, value || 0));
    this.x = within(x, room(this.thing.offsetWidth, this.stage.clientWidth));
    this.y = within(y, room(this.thing.offsetHeight, this.stage.clientHeight));
    this.thing.style.transform = this.scale > 1 ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
    this.stage.classList.toggle("near", this.scale > 1);
    this.far.disabled = this.scale === 1;
    this.near.disabled = this.scale === NEAR;
    // A button that can be pressed no more keeps no focus, and keys go nowhere then.
    if (document.activeElement.disabled || document.activeElement.hidden) this.dialog.focus();
  }

  down(event) {
    if (event.target.tagName === "VIDEO") return;
    this.stage.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, event);
    this.from = event.clientX;
  }

  move(event) {
    const last = this.fingers.get(event.pointerId);
    if (!last) return;
    const [other] = [...this.fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      this.zoom(apart(event) / apart(last), { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 });
      this.from = null;
    } else if (this.scale > 1) this.shift(this.x + event.clientX - last.clientX, this.y + event.clientY - last.clientY);
    this.fingers.set(event.pointerId, event);
  }

  up(event) {
    const wasOne = this.fingers.size === 1;
    this.fingers.delete(event.pointerId);
    const by = event.clientX - this.from;
    if (wasOne && this.from !== null && this.scale === 1 && Math.abs(by) > ASIDE) this.step((by < 0) === (document.dir !== "rtl") ? 1 : -1);
  }

  key(event) {
    const [x, y] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (event.target.tagName === "VIDEO" || event.ctrlKey || event.metaKey) return;
    if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.zoom(0);
    else if (this.scale > 1 && (x || y)) this.shift(this.x + x * 80, this.y + y * 80);
    else if (x) this.step((x < 0) === (document.dir !== "rtl") ? 1 : -1);
    else return;
    event.preventDefault();
  }
}
