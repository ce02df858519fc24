// What the app says, in the person's language. Every sentence stands in `text/*.ftl`.

import { FluentBundle, FluentResource } from "/vendor/fluent/index.js";
import { kept } from "./dom.js";

/** The languages there are, each in its own words. */
export const LANGUAGES = [["en", "English"], ["zh-Hans", "简体中文"], ["id", "Bahasa Indonesia"], ["es", "Español"], ["ar", "العربية"]];

let bundle;
let locale = "en";

function choose() {
  const wanted = [kept.get("language"), ...navigator.languages].filter(Boolean);
  for (const tag of wanted) {
    const language = tag.toLowerCase();
    // Malay speakers read Indonesian well; every kind of Chinese comes nearest to the one there is.
    const found = LANGUAGES.find(([name]) => name.toLowerCase() === language || name.split("-")[0] === language.split("-")[0]);
    if (found) return found[0];
  }
  return "en";
}

/** Loads the catalogue of the chosen language, and turns the page into its direction. */
export async function load() {
  const language = choose();
  const answer = await fetch(`/text/${language}.ftl`);
  const resource = new FluentResource(await answer.text());
  bundle = new FluentBundle(language);
  bundle.addResource(resource);
  const regional = navigator.languages.find((tag) => tag.split("-")[0] === language.split("-")[0]);
  locale = regional || language;
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
}

/** Turns of direction, which a name could leave open for the rest of a sentence. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

const still = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? value.replace(TURNS, "") : value]));

/** A sentence. */
export function t(key, values) {
  const message = bundle?.getMessage(key);
  return message?.value ? bundle.formatPattern(message.value, values ? still(values) : null, []) : key;
}

/** Whether there is such a sentence: for words that come from the node. */
export const has = (key) => Boolean(bundle?.hasMessage(key));

const formats = new Map();
function format(name, make) {
  const key = `${locale} ${name}`;
  if (!formats.has(key)) formats.set(key, make());
  return formats.get(key);
}

export const clock = (ms) => format("clock", () => new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" })).format(ms);
export const moment = (ms) => format("moment", () => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" })).format(ms);
export const shortDay = (ms) => format("short", () => new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" })).format(ms);
export const number = (value) => format("number", () => new Intl.NumberFormat(locale)).format(value);

/** Today, yesterday, a weekday, or a date. */
export function day(ms) {
  const days = daysAgo(ms);
  if (days === 0 || days === 1) return upper(format("relative", () => new Intl.RelativeTimeFormat(locale, { numeric: "auto" })).format(-days, "day"));
  if (days > 1 && days < 7) return upper(format("weekday", () => new Intl.DateTimeFormat(locale, { weekday: "long" })).format(ms));
  return format("long", () => new Intl.DateTimeFormat(locale, { dateStyle: "long" })).format(ms);
}

/** It stands alone, as a title does. */
const upper = (words) => words.slice(0, 1).toLocaleUpperCase(locale) + words.slice(1);

/** The time of today, or the day: for lists. */
export function brief(ms) {
  const days = daysAgo(ms);
  if (days === 0) return clock(ms);
  if (days > 0 && days < 7) return format("weekday short", () => new Intl.DateTimeFormat(locale, { weekday: "short" })).format(ms);
  return shortDay(ms);
}

function daysAgo(ms) {
  const midnight = (time) => new Date(new Date(time).toDateString()).getTime();
  return Math.round((midnight(Date.now()) - midnight(ms)) / 86_400_000);
}

/** An amount of bytes. */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let at = 0;
  let value = count;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; at += 1; }
  const digits = value < 10 && at > 0 ? 1 : 0;
  return format(`bytes ${units[at]} ${digits}`, () => new Intl.NumberFormat(locale, { style: "unit", unit: units[at], unitDisplay: at ? "short" : "long", maximumFractionDigits: digits })).format(value).replace(" ", "\u00a0");
}
