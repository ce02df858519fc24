// What a person sees before the chats: the first run, an address without its token, a node that is stopped.

import { button, h, icon, kept, sends } from "./dom.js";
import { begin, get, post, put } from "./node.js";
import { loadMe, state } from "./state.js";
import { number, t } from "./words.js";

/** Whether nothing was ever done here. */
export function isNew() {
  const isUsed = state.people.size > 0 || [...state.chats.values()].some((chat) => chat.last);
  return !isUsed && kept.get("welcomed") !== "yes";
}

const logo = () => h("img.logo", { src: "/icon.svg", alt: "", width: "72", height: "72" });

/** The first run: a name, then what to do first. */
export function welcome(done) {
  const page = h("main.welcome", { id: "stage" });
  const name = h("input", { id: "name", type: "text", autocomplete: "name", maxlength: "60", required: true, value: state.me.name });
  const trouble = h("p.trouble", { role: "alert" });
  const leave = (to) => { kept.set("welcomed", "yes"); location.hash = to; done(); };
  const second = () => {
    page.replaceChildren(logo(), h("h1", { tabindex: "-1" }, t("welcome-hello", { name: state.me.name })), h("p", t("welcome-what-now")),
      h("div.choices",
        choice("link", t("welcome-invite"), t("welcome-invite-more"), () => leave("#/add")),
        choice("note", t("welcome-notes"), t("welcome-notes-more"), () => leave(`#/room/${[...state.chats.values()].find((chat) => chat.kind === "notes").room}`)),
        choice("key", t("welcome-phrase"), t("welcome-phrase-more"), () => leave("#/settings/backup"))));
    page.querySelector("h1").focus();
  };
  const form = h("form", {
    onsubmit: sends(trouble, async () => {
      await post("/name", { name: name.value.trim() });
      await loadMe();
      second();
    }),
  }, h("label", { for: "name" }, t("welcome-name")), name, h("p.hint", t("welcome-name-more")), trouble, h("button.button.primary", t("next")));
  const first = [logo(), h("h1", t("welcome-title")), h("p", t("welcome-lead")), form, button(t("restore"), () => { page.replaceChildren(...restore(() => page.replaceChildren(...first))); page.querySelector("h1").focus(); }, ".quiet")];
  page.append(...first);
  return page;
}

/** Brings a copy back into this new node, which starts anew with it. */
function restore(back) {
  const file = h("input", { id: "copy", type: "file", required: true });
  const pass = h("input", { id: "pass", type: "password", autocomplete: "off", required: true });
  const trouble = h("p.trouble", { role: "alert" });
  const words = h("p.hint", { role: "status" });
  const bar = h("progress", { hidden: true, "aria-label": t("restore-go") });
  const go = h("button.button.primary", t("restore-go"));
  const form = h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const [copy] = file.files;
      trouble.textContent = "";
      go.disabled = true;
      Object.assign(bar, { hidden: false, max: copy.size, value: 0 });
      const look = setInterval(async () => {
        const { rows } = await get("/restore").catch(() => ({ rows: 0 }));
        if (rows && go.disabled) words.textContent = t("restore-rows", { rows: number(rows) });
      }, 500);
      try {
        await put("/restore", copy, (sent) => { bar.value = sent; });
        bar.removeAttribute("value");
        const { account } = await post("/restore/open", { passphrase: pass.value });
        clearInterval(look);
        words.textContent = t("restore-done");
        kept.set("welcomed", "yes");
        while ((await get("/id").catch(() => ({}))).account !== account) await new Promise((next) => setTimeout(next, 300));
        location.reload();
      } catch (error) {
        clearInterval(look);
        words.textContent = "";
        bar.hidden = true;
        go.disabled = false;
        trouble.textContent = error.message;
      }
    },
  }, h("label", { for: "copy" }, t("restore-file")), file, h("label", { for: "pass" }, t("archive-pass")), pass, bar, words, trouble, go);
  return [logo(), h("h1", { tabindex: "-1" }, t("restore")), h("p", t("restore-words")), form, button(t("back"), back, ".quiet")];
}

function choice(name, title, words, onclick) {
  return h("button.choice", { onclick }, h("span.empty-icon", icon(name)), h("span", h("strong", title), h("small", words)));
}

/** This browser has no session: the person has the address with the token, or gets it. */
export function locked(again) {
  const field = h("input", { id: "address", type: "text", autocomplete: "off", spellcheck: "false", required: true, dir: "ltr" });
  const trouble = h("p.trouble", { role: "alert" });
  const form = h("form", {
    onsubmit: sends(trouble, async () => {
      await begin(field.value.match(/[0-9a-f]{64}/)?.[0] ?? "");
      again();
    }),
  }, h("label", { for: "address" }, t("locked-address")), field, trouble, h("button.button.primary", t("locked-open")));
  return h("main.welcome", logo(), h("h1", t("locked-title")), h("p", t("locked-words")), h("pre.command", { dir: "ltr" }, "tidings run"), form);
}

/** The node does not answer. */
export function stopped(error, again) {
  return h("main.welcome", logo(), h("h1", t("stopped-title")), h("p", error.code ? error.message : t("error-unreachable")), h("p.soft", t("stopped-words")), button(t("stopped-again"), again, ".primary"));
}
