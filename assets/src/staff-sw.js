// Opens the till without network: the scanner's page and its files, the network first.
// Whatever is personal beyond that page is never kept, and signing out empties the store.
const store = 'kaquan-till-1'
const shell = '/s/scan'

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (url.origin !== location.origin) return
  if (request.method === 'POST' && url.pathname === '/s/signout') {
    event.waitUntil(caches.delete(store))
    return
  }
  if (request.method !== 'GET') return
  if (url.pathname.startsWith('/assets/')) {
    event.respondWith(file(request))
  } else if (request.mode === 'navigate' && url.pathname.startsWith('/s/')) {
    event.respondWith(page(request, url))
  }
})

async function file(request) {
  const kept = await caches.match(request)
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.ok) await (await caches.open(store)).put(request, answer.clone())
  return answer
}

// page asks the network; without it every page of the till is the scanner's.
async function page(request, url) {
  try {
    const answer = await fetch(request)
    if (url.pathname === shell && answer.ok && !answer.redirected) await (await caches.open(store)).put(shell, answer.clone())
    return answer
  } catch (problem) {
    const kept = await caches.match(shell)
    if (kept) return kept
    throw problem
  }
}
