// Fluent 0.19.1 by Mozilla, Apache-2.0; changed: comments and indentation are taken out.
const cache = new Map();
export function getMemoizerForLocale(locales) {
const stringLocale = Array.isArray(locales) ? locales.join(" ") : locales;
let memoizer = cache.get(stringLocale);
if (memoizer === undefined) {
memoizer = new Map();
cache.set(stringLocale, memoizer);
}
return memoizer;
}
