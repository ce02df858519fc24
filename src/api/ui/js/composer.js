// Where a message is written: a draft outlives a reload.

import { bdi, h, icon, kept, open, round } from "./dom.js";
import { choice, EMOJI, settle } from "./bubble.js";
import { photograph } from "./camera.js";
import { sendFiles } from "./media.js";
import { post } from "./node.js";
import { gist } from "./parts.js";
import { Recorder } from "./voice.js";
import { t } from "./words.js";

/** A press of the microphone that is shorter than this starts a recording that goes on by itself. */
const HOLD_MS = 400;

/** A finger that goes so far from where it pressed throws the recording away. */
const AWAY = 80;

export class Composer {
  constructor(room) {
    this.room = room;
    this.about = null;
    this.field = h("textarea", {
      rows: "1", id: "composer", dir: "auto", enterkeyhint: "send", "data-first": true, placeholder: t("write"), "aria-label": t("write-to", { name: room.name }),
      oninput: () => this.changed(), onkeydown: (event) => this.key(event),
    });
    this.field.value = kept.get(this.key_) ?? "";
    this.context = h("div.context", { hidden: true });
    this.trouble = h("p.trouble", { role: "alert" });
    this.send = h("button.round.send", { type: "submit", "aria-label": t("send"), title: t("send") }, icon("send", "flip"));
    this.picker = h("div.emoji-grid.picker", { hidden: true }, EMOJI.map((one) => h("button.emoji", { onclick: () => this.put(one) }, one)));
    this.smile = round("smile", t("emoji"), () => this.pick(), ".smile");
    this.smile.setAttribute("aria-expanded", "false");
    this.files = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-label": t("attach"), onchange: () => { this.attach([...this.files.files]); this.files.value = ""; } });
    this.clip = round("attach", t("attach"), () => this.choose());
    this.mic = navigator.mediaDevices && window.MediaRecorder ? round("mic", t("record"), () => { if (!this.isPressed) this.record().then((recorder) => recorder?.free()); this.isPressed = false; }, ".mic") : null;
    this.mic?.addEventListener("pointerdown", (event) => { if (event.button === 0) this.press(event); });
    this.mic?.addEventListener("contextmenu", (event) => event.preventDefault());
    this.recorder = h("div.recorder", { hidden: true });
    this.element = h("form.composer", { onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      this.context, this.picker, this.trouble, this.recorder, this.line = h("div.write", this.smile, this.clip, this.files, this.field, this.mic, this.send));
    this.field.addEventListener("paste", (event) => { const files = [...event.clipboardData.files]; if (files.length) { event.preventDefault(); this.attach(files); } });
    this.fit();
  }

  get key_() { return `draft:${this.room.room}`; }

  pick() {
    this.picker.hidden = !this.picker.hidden;
    this.smile.setAttribute("aria-expanded", String(!this.picker.hidden));
  }

  put(emoji) {
    this.field.setRangeText(emoji, this.field.selectionStart, this.field.selectionEnd, "end");
    this.field.focus();
    this.changed();
  }

  changed() {
    this.trouble.textContent = "";
    if (this.about?.kind !== "edit") kept.set(this.key_, this.field.value);
    this.fit();
  }

  fit() {
    this.field.style.height = "auto";
    if (this.field.scrollHeight) this.field.style.height = `${Math.min(this.field.scrollHeight, 180)}px`;
    this.send.disabled = !this.field.value.trim();
    this.send.hidden = Boolean(this.mic) && this.send.disabled;
    if (this.mic) this.mic.hidden = !this.send.disabled;
  }

  /** Shows files, and sends them when told to. */
  attach(files) {
    if (!files.length) return;
    const reply = this.about?.kind === "reply" ? this.about.message.message : undefined;
    sendFiles(this.room, files, reply, () => { this.forget(); return this.room.toNewest(); });
  }

  /** Files, or the camera where there is one. */
  choose() {
    if (!navigator.mediaDevices) { this.files.click(); return; }
    const act = (name, words, run) => choice(name, words, () => { dialog.close(); run(); });
    const dialog = open(h("dialog.menu", { "aria-label": t("attach") },
      act("attach", t("attach"), () => this.files.click()), act("camera", t("camera"), () => photograph((file) => this.attach([file]), (words) => { this.trouble.textContent = words; }))));
    settle(dialog, this.clip);
  }

  /** Records a voice note in place of the line. */
  async record() {
    const end = () => { this.recorder.hidden = true; this.line.hidden = false; this.isPressed = false; this.recorder.replaceChildren(); this.field.focus(); };
    try {
      const recorder = await Recorder.start(this.room, end);
      this.recorder.replaceChildren(recorder.element);
      this.recorder.hidden = false;
      this.line.hidden = true;
      return recorder;
    } catch { this.trouble.textContent = t("record-denied"); return null; }
  }

  /** Records as long as the microphone is held; letting go far from it throws the recording away. */
  press(from) {
    this.isPressed = true;
    const recording = this.record();
    const isAway = (event) => Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > AWAY;
    const move = async (event) => (await recording)?.held(isAway(event));
    const end = new AbortController();
    const up = async (event) => {
      end.abort();
      const at = Date.now();
      const recorder = await recording;
      if (!recorder) return;
      if (event.type === "pointercancel" || at - recorder.from < HOLD_MS) recorder.free();
      else if (isAway(event)) recorder.discard();
      else recorder.finish();
    };
    recording.then((recorder) => { if (!end.signal.aborted) recorder?.held(false); });
    addEventListener("pointermove", move, { signal: end.signal });
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, up, { signal: end.signal });
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.about) {
      event.stopPropagation();
      this.forget();
    } else if (event.key === "Escape" && !this.picker.hidden) {
      event.stopPropagation();
      this.pick();
    } else if (event.key === "ArrowUp" && !this.field.value) {
      event.preventDefault();
      this.room.focusLog();
    }
  }

  /** Answers a message. */
  reply(message) {
    if (this.about?.kind === "edit") this.forget();
    this.tell({ kind: "reply", message }, t("replying", { name: message.mine ? t("you") : message.from_name }));
  }

  /** Changes an own message. The draft waits meanwhile. */
  edit(message) {
    this.tell({ kind: "edit", message }, t("editing"));
    this.field.value = message.text;
    this.fit();
  }

  tell(about, words) {
    this.about = about;
    this.context.hidden = false;
    this.context.replaceChildren(icon(about.kind), h("span.context-words", h("strong", words), bdi(gist(about.message))), round("close", t("cancel"), () => this.forget()));
    this.field.focus();
  }

  forget() {
    const wasEdit = this.about?.kind === "edit";
    this.about = null;
    this.context.hidden = true;
    if (wasEdit) this.field.value = kept.get(this.key_) ?? "";
    this.fit();
    this.field.focus();
  }

  async submit() {
    const text = this.field.value.trim();
    if (!text || this.busy) return;
    const { kind, message } = this.about ?? {};
    this.busy = true;
    try {
      const body = kind === "edit" ? { text, edit: message.message } : kind === "reply" ? { text, reply: message.message } : { text };
      await post(`/rooms/${this.room.room}/messages`, body);
      if (kind !== "edit") { kept.set(this.key_, null); this.field.value = ""; }
      this.picker.hidden = true;
      this.forget();
      if (kind !== "edit") { this.room.divider = null; await this.room.toNewest(); }
    } catch (error) {
      this.trouble.textContent = error.message;
    } finally {
      this.busy = false;
      this.fit();
    }
  }
}
