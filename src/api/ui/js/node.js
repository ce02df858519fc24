// The node's HTTP interface, and its stream of hints.

import { kept } from "./dom.js";
import { has, t } from "./words.js";

/** A request that was not done. Its message is for the person. */
export class Refusal extends Error {
  constructor(code, sentence) {
    const key = `error-${code.replaceAll("_", "-")}`;
    super(has(key) ? t(key) : sentence);
    this.code = code;
  }
}

const head = () => ({ "x-tidings-page": kept.get("page") ?? "" });

async function refusal(answer) {
  const failure = await answer.json().catch(() => ({ code: "internal", error: "" }));
  if (failure.code === "token") dispatchEvent(new Event("tidings-locked"));
  return new Refusal(failure.code, failure.error);
}

async function fetched(method, path, body, signal) {
  const headers = body === undefined ? head() : { ...head(), "content-type": "application/json" };
  try {
    return await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("unreachable", t("error-unreachable"));
  }
}

/** One request; gives the JSON of the answer. */
export async function ask(method, path, body) {
  const answer = await fetched(method, `/api/v1${path}`, body);
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);

/** Sends a file to a room: its bytes are the request. `progress` is told how many of them are gone. */
export async function upload(room, file, { caption = "", reply, voice = false }, progress) {
  const query = new URLSearchParams({ name: file.name, caption, voice: String(voice) });
  if (reply) query.set("reply", reply);
  return put(`/rooms/${room}/media?${query}`, file, progress);
}

/** Sends a file's bytes as a request. */
export async function put(path, file, progress) {
  const answer = await new Promise((done, failed) => {
    // The one way in which a browser says how far a request is.
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1${path}`);
    for (const [name, value] of Object.entries(head())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress?.(event.loaded);
    request.onerror = () => failed(new Refusal("unreachable", t("error-unreachable")));
    request.onload = () => done(new Response(request.responseText, { status: request.status }));
    request.send(file);
  });
  if (!answer.ok) throw await refusal(answer);
}

/** What the QR code in a grey picture says; nothing when there is none. */
export async function readCode(dots, width) {
  const answer = await fetch(`/api/v1/qr/read?width=${width}`, { method: "POST", headers: head(), body: dots });
  if (!answer.ok) throw await refusal(answer);
  return (await answer.json()).text;
}

/** Where the body of a message is. */
export const bodyOf = (message) => `/api/v1/media/${message.message}`;

/** Gets a session for the token of the address. */
export async function begin(token) {
  const answer = await fetch("/api/v1/session", { method: "POST", headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw await refusal(answer);
  kept.set("page", (await answer.json()).page);
}

/** Everything as one file; `progress` is told how many bytes of how many are here. */
export async function archive(passphrase, progress) {
  const answer = await fetched("POST", "/api/v1/archive", { passphrase });
  if (!answer.ok) throw await refusal(answer);
  const all = Number(answer.headers.get("content-length"));
  const parts = [];
  let here = 0;
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    here += value.length;
    progress(here, all);
  }
  return new Blob(parts, { type: "application/octet-stream" });
}

/** Reads the hints as long as the page is there; `tell` gets each, `up` whether the node answers. */
export async function listen(tell, up) {
  for (let pause = 500; ; pause = Math.min(pause * 2, 8_000)) {
    try {
      const answer = await fetched("GET", "/api/v1/events");
      if (!answer.ok) throw await refusal(answer);
      up(true);
      pause = 500;
      await lines(answer.body, tell);
    } catch (error) {
      if (error.code === "token") return;
    }
    up(false);
    await new Promise((done) => setTimeout(done, pause));
  }
}

async function lines(body, tell) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const event of whole) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (data) tell(JSON.parse(data));
    }
  }
}
