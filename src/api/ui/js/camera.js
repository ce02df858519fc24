// The camera: photos to send, and codes to read.

import { h, open, round } from "./dom.js";
import { readCode } from "./node.js";
import { t } from "./words.js";

/** Codes are looked for in a picture of this width, and so often. */
const LOOK_WIDTH = 640;
const LOOK_MS = 250;

/** What the camera sees, over the whole page; `denied` is told in words when there is none. Gives the dialog and the picture. */
async function camera(title, denied, ...more) {
  let stream;
  let facing = "environment";
  const video = h("video", { autoplay: true, playsinline: true, "aria-label": title });
  const quiet = () => { for (const track of stream?.getTracks() ?? []) track.stop(); };
  const start = async () => {
    quiet();
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: facing, width: { ideal: 1920 } } });
    video.srcObject = stream;
    video.classList.toggle("mirror", facing === "user");
  };
  try { await start(); } catch { denied(t("camera-denied")); return null; }
  const all = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  const turn = all.length > 1 ? round("again", t("camera-turn"), () => { facing = facing === "user" ? "environment" : "user"; start(); }) : null;
  const dialog = open(h("dialog.viewer.camera", { "aria-label": title }, h("div.viewer-bar", turn, round("close", t("close"), () => dialog.close())), h("div.viewer-page", video), h("div.viewer-foot", more)));
  dialog.addEventListener("close", quiet);
  return [dialog, video];
}

function drawn(video, width) {
  const height = Math.round((width * video.videoHeight) / video.videoWidth);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(video, 0, 0, width, height);
  return canvas;
}

/** Takes a photo, and hands it on as a file. */
export async function photograph(done, denied) {
  const shoot = h("button.shutter", { "aria-label": t("camera"), title: t("camera"), onclick: () => {
    if (video.videoWidth) drawn(video, video.videoWidth).toBlob((blob) => {
      dialog.close();
      done(new File([blob], `photo-${new Date().toISOString().slice(0, 19).replace(/\D/g, "-")}.jpg`, { type: "image/jpeg" }));
    }, "image/jpeg", 0.9);
  } });
  const [dialog, video] = await camera(t("camera"), denied, shoot) ?? [];
  if (dialog) shoot.focus();
}

/** Looks for a QR code until one says what `take` accepts. */
export async function scan(take, denied) {
  const words = h("p.viewer-words", { role: "status" }, t("scan-words"));
  const [dialog, video] = await camera(t("scan"), denied, words) ?? [];
  while (dialog?.open) {
    const text = video.videoWidth ? await code(drawn(video, LOOK_WIDTH)).catch(() => null) : null;
    if (text && dialog.open) {
      if (take(text)) dialog.close();
      else words.textContent = t("scan-other");
    }
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
}

/** The node reads the picture: it gets a byte for each dot. */
function code(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const grey = new Uint8Array(canvas.width * canvas.height);
  for (let at = 0; at < grey.length; at += 1) grey[at] = (data[at * 4] * 77 + data[at * 4 + 1] * 151 + data[at * 4 + 2] * 28) >> 8;
  return readCode(grey, canvas.width);
}
