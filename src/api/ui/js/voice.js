// Sound: how it is played, and how a voice note is recorded.

import { h, icon, kept, round } from "./dom.js";
import { upload } from "./node.js";
import { t } from "./words.js";

/** How fast sound can be played; what was chosen last is kept. */
const SPEEDS = [1, 1.5, 2];
const speed = () => SPEEDS.find((one) => String(one) === kept.get("speed")) ?? 1;

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** Plays sound. The bars show how loud it is where, and lead there. Voice notes play one after the other. */
export function player(source, name, { waveform = [], duration_ms = 0 }, isVoice) {
  const audio = h(`audio${isVoice ? ".voice" : ""}`, { preload: "none", src: source });
  const go = round("play", t("play"), () => { if (audio.paused) audio.play().catch(() => {}); else audio.pause(); }, ".play");
  const seek = h("input.seek", { type: "range", min: "0", step: "0.1", "aria-label": t("position"), oninput: () => { audio.currentTime = Number(seek.value); draw(); } });
  const time = h("time");
  const fast = h("button.speed", { onclick: () => { kept.set("speed", String(SPEEDS[(SPEEDS.indexOf(speed()) + 1) % SPEEDS.length])); dispatchEvent(new Event("tidings-speed")); } });
  const bars = waveform.map((level) => { const bar = h("i"); bar.style.height = `${Math.max(8, Math.round(level / 2.55))}%`; return bar; });
  const draw = () => {
    const length = Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : duration_ms / 1000;
    const at = audio.currentTime;
    seek.max = Math.max(length, at, 0.1);
    seek.value = at;
    seek.setAttribute("aria-valuetext", `${minutes(at)} / ${minutes(length)}`);
    time.textContent = minutes(audio.paused && !at ? length : at);
    bars.forEach((bar, place) => bar.classList.toggle("on", length > 0 && place < (at / length) * bars.length));
    go.replaceChildren(icon(audio.paused ? "play" : "pause"));
    const words = t(audio.paused ? "play" : "pause");
    go.setAttribute("aria-label", words);
    go.title = words;
  };
  const pace = () => {
    audio.defaultPlaybackRate = audio.playbackRate = speed();
    fast.textContent = `${speed()}×`;
    fast.setAttribute("aria-label", t("speed", { speed: speed() }));
  };
  for (const event of ["timeupdate", "pause", "loadedmetadata", "durationchange", "ended", "play"]) audio.addEventListener(event, draw);
  audio.addEventListener("play", () => {
    pace();
    for (const other of document.querySelectorAll("audio, video")) if (other !== audio) other.pause();
  });
  audio.addEventListener("ended", () => {
    audio.currentTime = 0;
    const all = [...document.querySelectorAll(".log audio.voice")];
    if (isVoice) all[all.indexOf(audio) + 1]?.play().catch(() => { /* the browser wants a press first */ });
  });
  const listen = () => { if (element.isConnected) pace(); else removeEventListener("tidings-speed", listen); };
  addEventListener("tidings-speed", listen);
  pace();
  draw();
  const element = h("div.sound", { role: "group", "aria-label": name }, audio, go, h(`div.wave${bars.length ? "" : ".flat"}`, { dir: "ltr" }, bars, seek), time, fast);
  return element;
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
    this.hint = h("span.hint");
    this.stop = round("stop", t("record-stop"), () => this.finish());
    const away = round("recall", t("record-discard"), () => this.discard());
    this.element = h("div.recording", { role: "group", "aria-label": t("recording"), onkeydown: (event) => { if (event.key === "Escape") { event.stopPropagation(); this.discard(); } } }, away, h("strong", t("recording")), this.time, this.level, this.hint, this.stop);
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
      const seconds = (Date.now() - this.from) / 1000;
      this.time.textContent = minutes(seconds);
      if (!this.element.isConnected && seconds > 1) this.discard();
    }, 100);
  }

  /** While the button is held: what letting go would do. */
  held(isAway) {
    this.hint.textContent = t(isAway ? "record-release" : "record-slide");
    this.element.classList.add("held");
    this.element.classList.toggle("away", isAway);
  }

  /** Goes on without a finger on the button. */
  free() {
    this.hint.textContent = "";
    this.element.classList.remove("held", "away");
    this.stop.focus();
  }

  quiet() {
    clearInterval(this.timer);
    this.audio.close().catch(() => { /* it is closed already */ });
    for (const track of this.stream.getTracks()) track.stop();
  }

  finish() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }

  discard() {
    this.recorder.onstop = null;
    this.finish();
    this.quiet();
    this.end();
  }

  heard() {
    this.quiet();
    const type = this.recorder.mimeType.split(";")[0];
    const note = new File(this.parts, `voice.${{ "audio/ogg": "ogg", "audio/webm": "webm", "audio/mp4": "m4a" }[type] ?? "webm"}`, { type });
    const address = URL.createObjectURL(note);
    const trouble = h("p.trouble", { role: "alert" });
    const gone = () => { URL.revokeObjectURL(address); this.end(); };
    this.discard = gone;
    const go = round("send", t("send"), async () => {
      go.disabled = true;
      try {
        await upload(this.room.room, note, { voice: true });
        gone();
        await this.room.toNewest();
      } catch (error) { trouble.textContent = error.message; go.disabled = false; }
    }, ".send");
    this.element.classList.remove("held");
    this.element.replaceChildren(round("recall", t("record-discard"), gone), player(address, t("kind-voice"), { duration_ms: Date.now() - this.from }, false), go, trouble);
    go.focus();
  }
}
