// Photos, sound, video and files: how they are shown and sent.

import { h, icon, round, sheet } from "./dom.js";
import { bodyOf, upload } from "./node.js";
import { KINDS } from "./parts.js";
import { view } from "./viewer.js";
import { player } from "./voice.js";
import { bytes, t } from "./words.js";

/** Pictures that browsers draw; other kinds of peers' files are only kept as files. */
const DRAWN = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"];

const pictures = new Map();

/** The small picture that came with a message, as something an image can show. */
export function small(message) {
  if (!message.preview.picture) return null;
  if (!pictures.has(message.message)) {
    const data = Uint8Array.from(atob(message.preview.picture), (letter) => letter.charCodeAt(0));
    pictures.set(message.message, URL.createObjectURL(new Blob([data], { type: "image/jpeg" })));
  }
  return pictures.get(message.message);
}

/** Whether a message can be looked at: a photo or a film that is what it says. */
export const isPicture = (message) => Boolean(message.blob) && !message.preview.misnamed && (message.kind === "video" || (message.kind === "photo" && DRAWN.includes(message.blob.mime)));

/** The media of a message, for its bubble or as a part of an album. It is made once: what plays goes on, whatever changes around it. */
export function shown(message, room, isPart = false) {
  let entry = room.media.get(message.message);
  if (entry?.isPart !== isPart) {
    const [element, change] = make(message, room, isPart);
    const bar = h("progress", { "aria-label": t("fetching") });
    entry = {
      isPart,
      element: h("div.media-body", element, bar),
      renew({ blob }) { Object.assign(bar, { hidden: blob.state !== "fetching", max: blob.size, value: blob.have }); change?.(blob); },
    };
    room.media.set(message.message, entry);
  }
  entry.renew(message);
  return entry.element;
}

function make(message, room, isPart) {
  if (message.preview.misnamed) return [file(message)];
  if (isPicture(message)) return isPart || message.kind === "photo" ? picture(message, room, isPart) : [video(message)];
  return message.kind === "voice" || message.kind === "audio" ? [sound(message)] : [file(message)];
}

/** The place that a picture takes before it is here: nothing jumps. */
function frame(element, preview) {
  const [width, height] = [preview.width || 4, preview.height || 3];
  const scale = Math.min(1, 320 / width, 360 / height);
  element.style.aspectRatio = `${width} / ${Math.min(height, width * 3)}`;
  element.style.width = `${Math.max(120, Math.round(width * scale))}px`;
  return element;
}

function picture(message, room, isPart) {
  const image = h("img", { alt: "", draggable: "false" });
  const mark = h("span.photo-mark");
  const element = h("button.photo", { "aria-label": `${t(KINDS[message.kind])}: ${message.text || message.blob.name}`, onclick: () => view(message.message, room) }, image, mark);
  const change = (blob) => {
    const isHere = blob.state === "here";
    const source = isHere && message.kind === "photo" ? bodyOf(message) : small(message);
    image.hidden = !source;
    if (source && image.getAttribute("src") !== source) image.src = source;
    if (message.kind === "video") mark.replaceChildren(icon("play"));
    else mark.replaceChildren(...(isHere || blob.state === "fetching" ? [] : [icon("down"), isPart ? "" : bytes(blob.size)]));
    mark.hidden = !mark.firstChild;
  };
  return [isPart ? element : frame(element, message.preview), change];
}

const video = (message) => frame(h("div.film", h("video", { controls: true, preload: "none", playsinline: true, poster: small(message), src: bodyOf(message), "aria-label": message.blob.name })), message.preview);

const sound = (message) => player(bodyOf(message), message.kind === "voice" ? t("kind-voice") : message.blob.name, message.preview, message.kind === "voice");

function file(message) {
  return h("a.file", { href: bodyOf(message), download: message.blob.name }, h("span.empty-icon", icon("down")), h("span.row-main", h("bdi.row-name", message.blob.name), h("small", bytes(message.blob.size))));
}

/** Shows what will be sent, takes a caption, and sends. The caption goes with the first. */
export function sendFiles(room, files, reply, done) {
  const caption = h("input", { id: "caption", type: "text" });
  const trouble = h("p.trouble", { role: "alert" });
  const bar = h("progress", { hidden: true, "aria-label": t("sending") });
  const addresses = [];
  const list = h("ul.files");
  const go = h("button.button.primary", t("send"));
  const thing = (one) => {
    const address = DRAWN.includes(one.type) || one.type.startsWith("video/") ? URL.createObjectURL(one) : null;
    addresses.push(address);
    const face = !address ? icon("note") : one.type.startsWith("video/") ? h("video", { src: address, preload: "metadata" }) : h("img", { src: address, alt: "" });
    const away = round("close", t("leave-out", { name: one.name }), () => {
      files = files.filter((other) => other !== one);
      line.remove();
      if (files.length) caption.focus(); else dialog.close();
    });
    const line = h("li", face, h("bdi.row-name", one.name), h("small", bytes(one.size)), away);
    return line;
  };
  list.append(...files.map(thing));
  let sent = 0;
  const form = h("form.sheet-body", {
    onsubmit: async (event) => {
      event.preventDefault();
      trouble.textContent = "";
      go.disabled = true;
      Object.assign(bar, { hidden: false, max: Math.max(1, files.reduce((sum, one) => sum + one.size, 0)) });
      for (const away of list.querySelectorAll("button")) away.disabled = true;
      try {
        for (let before = 0; sent < files.length; sent += 1) {
          before = files.slice(0, sent).reduce((sum, one) => sum + one.size, 0);
          await upload(room.room, files[sent], { caption: sent === 0 ? caption.value.trim() : "", reply: sent === 0 ? reply : undefined }, (part) => { bar.value = before + part; });
        }
        dialog.close();
        await done();
      } catch (error) {
        trouble.textContent = error.message;
        go.disabled = false;
      }
    },
  }, list, h("label", { for: "caption" }, t("caption")), caption, bar, trouble, go);
  const dialog = sheet(t("attach-title", { count: files.length }), t("close"), form);
  dialog.addEventListener("close", () => addresses.forEach((address) => address && URL.revokeObjectURL(address)));
  caption.focus();
}
