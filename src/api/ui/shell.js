// Keeps the app's own files, so that it opens at once and can say when the node is stopped. Nothing of the node's answers is kept.

const SHELL = "tidings-shell";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
  event.respondWith(fresh(event.request));
});

async function fresh(request) {
  const shell = await caches.open(SHELL);
  try {
    const answer = await fetch(request);
    if (answer.ok) await shell.put(request, answer.clone());
    return answer;
  } catch (error) {
    const known = await shell.match(request, { ignoreSearch: true });
    if (known) return known;
    throw error;
  }
}

self.addEventListener("message", (event) => event.waitUntil(keep(event.data)));

async function keep(addresses) {
  const shell = await caches.open(SHELL);
  const own = addresses.map((address) => new URL(address, location.origin)).filter((url) => url.origin === location.origin && !url.pathname.startsWith("/api/"));
  await Promise.all(own.map(async (url) => { if (!await shell.match(url)) await shell.add(url).catch(() => { /* the next visit keeps it */ }); }));
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.tag));
});

async function show(room) {
  const [page] = await self.clients.matchAll({ type: "window" });
  if (!page) return self.clients.openWindow(`/#/room/${room}`);
  await page.focus();
  return page.navigate(`/#/room/${room}`);
}
