// Photos, sound, video and files: how they are shown, sent and recorded.

import { h, icon, open, round, sheet } from "./dom.js";
import { bodyOf, upload } from "./node.js";
import { KINDS } from "./parts.js";
import { bytes, t } from "./words.js";

/** Pictures that browsers draw; other kinds of peers' files are only kept as files. */
const DRAWN = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"];

const pictures = new Map();

/** The small picture that came with a message, as something an image can show. */
function small(message) {
  if (!message.preview.picture) return null;
  if (!pictures.has(message.message)) {
    const data = Uint8Array.from(atob(message.preview.picture), (letter) => letter.charCodeAt(0));
    pictures.set(message.message, URL.createObjectURL(new Blob([data], { type: "image/jpeg" })));
  }
  return pictures.get(message.message);
}

/** The media of a message, for its bubble. */
export function shown(message) {
  const { blob, preview } = message;
  const making = { photo, video, voice: sound, audio: sound }[message.kind];
  const element = making && !preview.misnamed ? making(message) : file(message);
  const progress = blob.state === "fetching" ? h("progress", { max: blob.size, value: blob.have, "aria-label": t("fetching") }) : null;
  return h("div.media-body", element, progress);
}

/** The place that a picture takes before it is here: nothing jumps. */
function frame(element, preview) {
  const [width, height] = [preview.width || 4, preview.height || 3];
  const scale = Math.min(1, 320 / width, 360 / height);
  element.style.aspectRatio = `${width} / ${Math.min(height, width * 3)}`;
  element.style.width = `${Math.max(120, Math.round(width * scale))}px`;
  return element;
}

function photo(message) {
  if (!DRAWN.includes(message.blob.mime)) return file(message);
  const source = message.blob.state === "here" ? bodyOf(message) : small(message);
  const image = source ? h("img", { src: source, alt: "", loading: "lazy", draggable: "false" }) : h("span", bytes(message.blob.size));
  return frame(h("button.photo", { type: "button", "aria-label": t("open-photo", { name: message.text || message.blob.name }), onclick: () => view(message) }, image), message.preview);
}

/** A picture over the whole page: a press or a key makes it as large as it is. */
function view(message) {
  const image = h("img", { src: bodyOf(message), alt: message.text || message.blob.name });
  const large = round("search", t("zoom"), () => { large.setAttribute("aria-pressed", String(dialog.classList.toggle("large"))); });
  large.setAttribute("aria-pressed", "false");
  const save = h("a.round", { href: bodyOf(message), download: message.blob.name, "aria-label": t("save-file"), title: t("save-file") }, icon("down"));
  const dialog = open(h("dialog.viewer", { "aria-label": t(KINDS.photo) }, h("div.viewer-bar", large, save, round("close", t("close"), () => dialog.close())), h("div.viewer-page", { tabindex: "0" }, image)));
}

function video(message) {
  return frame(h("video", { controls: true, preload: "none", playsinline: true, poster: small(message), src: bodyOf(message), "aria-label": message.blob.name }), message.preview);
}

function sound(message) {
  const player = h("audio", { controls: true, preload: "none", src: bodyOf(message), "aria-label": message.kind === "voice" ? t("kind-voice") : message.blob.name });
  // One voice note after the other, as they were said.
  player.addEventListener("ended", () => {
    const all = [...document.querySelectorAll(".log audio")];
    all[all.indexOf(player) + 1]?.play().catch(() => { /* the browser wants a press first */ });
  });
  const bars = message.preview.waveform.length ? h("span.wave", { "aria-hidden": "true" }, message.preview.waveform.map((level) => { const bar = h("i"); bar.style.height = `${Math.max(8, Math.round(level / 2.55))}%`; return bar; })) : null;
  return h("div.sound", bars, player);
}

function file(message) {
  return h("a.file", { href: bodyOf(message), download: message.blob.name }, h("span.empty-icon", icon("down")), h("span.row-main", h("bdi.row-name", message.blob.name), h("small", bytes(message.blob.size))));
}

/** Shows what will be sent, takes a caption, and sends. The caption goes with the first. */
export function sendFiles(room, files, reply, done) {
  const caption = h("input", { id: "caption", type: "text" });
  const trouble = h("p.trouble", { role: "alert" });
  const bar = h("progress", { hidden: true, max: files.length, value: 0, "aria-label": t("sending") });
  const addresses = [];
  const things = files.map((one) => {
    if (!DRAWN.includes(one.type)) return h("li", icon("note"), h("bdi.row-name", one.name), h("small", bytes(one.size)));
    addresses.push(URL.createObjectURL(one));
    return h("li", h("img", { src: addresses.at(-1), alt: "" }), h("bdi.row-name", one.name), h("small", bytes(one.size)));
  });
  const go = h("button.button.primary", t("send"));
  let sent = 0;
  const form = h("form.sheet-body", {
    onsubmit: async (event) => {
      event.preventDefault();
      Object.assign(go, { disabled: true });
      bar.hidden = false;
      try {
        for (; sent < files.length; sent += 1) {
          await upload(room.room, files[sent], { caption: sent === 0 ? caption.value.trim() : "", reply: sent === 0 ? reply : undefined });
          bar.value = sent + 1;
        }
        dialog.close();
        await done();
      } catch (error) {
        trouble.textContent = error.message;
        go.disabled = false;
      }
    },
  }, h("ul.files", things), h("label", { for: "caption" }, t("caption")), caption, bar, trouble, go);
  const dialog = sheet(t("attach-title", { count: files.length }), t("close"), form);
  dialog.addEventListener("close", () => addresses.forEach((address) => URL.revokeObjectURL(address)));
  caption.focus();
}

/** Records a voice note; it can be listened to before it is sent, and Escape throws it away. */
export class Recorder {
  static async start(room, end) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return new Recorder(room, end, stream);
  }

  constructor(room, end, stream) {
    Object.assign(this, { room, end, stream, parts: [], from: Date.now() });
    const type = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    this.recorder = new MediaRecorder(stream, { mimeType: type });
    this.recorder.ondataavailable = (event) => this.parts.push(event.data);
    this.recorder.onstop = () => this.heard();
    this.recorder.start(500);
    this.time = h("time", "0:00");
    this.level = h("meter", { min: "0", max: "1", value: "0", "aria-label": t("level") });
    this.stop = round("stop", t("record-stop"), () => this.recorder.stop());
    const away = round("recall", t("record-discard"), () => this.discard());
    this.element = h("div.recording", { role: "group", "aria-label": t("recording"), onkeydown: (event) => { if (event.key === "Escape") { event.stopPropagation(); this.discard(); } } }, away, h("span", t("recording")), this.time, this.level, this.stop);
    this.listen();
  }

  /** Shows how loud it is, and how long. */
  listen() {
    this.audio = new AudioContext();
    const analyser = this.audio.createAnalyser();
    this.audio.createMediaStreamSource(this.stream).connect(analyser);
    const data = new Uint8Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getByteTimeDomainData(data);
      this.level.value = Math.max(...data.map((one) => Math.abs(one - 128))) / 128;
      const seconds = Math.floor((Date.now() - this.from) / 1000);
      this.time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if (!this.element.isConnected && seconds > 0) this.discard();
    }, 100);
  }

  quiet() {
    clearInterval(this.timer);
    this.audio.close().catch(() => { /* it is closed already */ });
    for (const track of this.stream.getTracks()) track.stop();
  }

  discard() {
    this.recorder.onstop = null;
    if (this.recorder.state !== "inactive") this.recorder.stop();
    this.quiet();
    this.end();
  }

  heard() {
    this.quiet();
    const type = this.recorder.mimeType.split(";")[0];
    const note = new File(this.parts, `voice.${{ "audio/ogg": "ogg", "audio/webm": "webm", "audio/mp4": "m4a" }[type] ?? "webm"}`, { type });
    const address = URL.createObjectURL(note);
    const trouble = h("p.trouble", { role: "alert" });
    const away = round("recall", t("record-discard"), () => { URL.revokeObjectURL(address); this.end(); });
    const go = round("send", t("send"), async () => {
      go.disabled = true;
      try {
        await upload(this.room.room, note, { voice: true });
        URL.revokeObjectURL(address);
        this.end();
        await this.room.toNewest();
      } catch (error) { trouble.textContent = error.message; go.disabled = false; }
    }, ".send");
    this.element.replaceChildren(away, h("audio", { controls: true, src: address, "aria-label": t("kind-voice") }), go, trouble);
    go.focus();
  }
}
