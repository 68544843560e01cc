// The pages at the till: scanner, keypad, sound, countdown, and work without network.
// Everything but those works as plain forms when this file does not run.
(() => {
  'use strict'
  document.documentElement.classList.add('js')
  const data = JSON.parse(document.getElementById('staff-data').textContent)
  const texts = data.texts
  const $ = (selector, within = document) => within.querySelector(selector)
  const main = () => document.getElementById('main')
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all))
  const grouped = (code) => (/^\d+$/.test(code) ? code.replace(/(\d{4})(?=\d)/g, '$1 ') : code)
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')

  // The scanner's page as it was sent, for coming back to it without the network.
  const home = main().dataset.kind === 'scan' ? main().cloneNode(true) : null
  if (home) {
    const code = $('#code', home)
    code.setAttribute('value', '')
    $('.typing .refusal', home)?.remove()
  }
  const templates = {}
  document.querySelectorAll('template').forEach((t) => { templates[t.id] = t })

  // Sound and vibration. Browsers want a touch before the first sound.
  let audio = null
  function wake() {
    const Context = window.AudioContext || window.webkitAudioContext
    if (!audio && Context) audio = new Context()
    if (audio && audio.state === 'suspended') audio.resume().catch(() => {})
  }
  function tone(pitch, from, length, shape) {
    const voice = audio.createOscillator()
    const level = audio.createGain()
    voice.type = shape
    voice.frequency.value = pitch
    level.gain.setValueAtTime(0.25, audio.currentTime + from)
    level.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + from + length)
    voice.connect(level).connect(audio.destination)
    voice.start(audio.currentTime + from)
    voice.stop(audio.currentTime + from + length)
  }
  function play(kind) {
    if (navigator.vibrate) navigator.vibrate(kind === 'good' ? 120 : [160, 90, 160])
    if (!audio) return
    if (kind === 'good') { tone(880, 0, 0.15, 'sine'); tone(1320, 0.13, 0.3, 'sine') } else { tone(220, 0, 0.25, 'square'); tone(165, 0.28, 0.4, 'square') }
  }
  document.addEventListener('pointerdown', wake, { passive: true })
  document.addEventListener('keydown', wake)

  // What this device has accepted, so that it accepts nothing twice without network.
  const kept = (name, empty) => { try { return JSON.parse(localStorage.getItem(name)) || empty } catch { return empty } }
  const keep = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); return true } catch { return false } }
  const QUEUE = 'kq-till-queue'
  const SEEN = 'kq-till-seen'
  const CONFLICTS = 'kq-till-conflicts'
  function remember(code, at) {
    const seen = kept(SEEN, {})
    const old = Date.now() - 30 * 864e5
    for (const one of Object.keys(seen)) if (seen[one] < old) delete seen[one]
    if (at) seen[code] = at
    else delete seen[code]
    keep(SEEN, seen)
  }

  let timer = 0
  let polling = 0
  // enter is what a part of a page does when it appears.
  function enter() {
    clearInterval(timer)
    clearTimeout(polling)
    stopCamera()
    const m = main()
    if (m.dataset.sound) play(m.dataset.sound)
    if (m.dataset.kind === 'result') {
      if (m.dataset.state === 'done') remember(m.dataset.code, Date.now())
      if (m.dataset.state === 'undone') remember(m.dataset.code, 0)
      if (m.dataset.state === 'pending') polling = setTimeout(poll, 1500)
    }
    const undo = $('form[data-undo]', m)
    if (undo) {
      const end = performance.now() + Number(undo.dataset.undo)
      timer = setInterval(() => {
        const left = Math.ceil((end - performance.now()) / 1000)
        if (left <= 0) { clearInterval(timer); undo.remove(); return }
        const clock = $('[data-clock]', undo)
        if (!clock) return // the button was pressed and says that it waits
        clock.textContent = Math.floor(left / 60) + ':' + String(left % 60).padStart(2, '0')
      }, 250)
    }
    const input = $('[data-code]', m)
    if (input) {
      if (matchMedia('(pointer: coarse)').matches) input.inputMode = 'none'
      group(input)
      input.focus({ preventScroll: true })
    } else {
      ($('h1[tabindex]', m) || m).focus({ preventScroll: true })
    }
    const pin = $('input[name=pin]', m)
    if (pin && matchMedia('(pointer: coarse)').matches) pin.inputMode = 'none'
    scrollTo(0, 0)
  }
  function put(element) {
    main().replaceWith(document.importNode(element, true))
    enter()
  }
  function goHome() {
    if (home) put(home)
    else location.href = '/s/scan'
  }
  async function poll() {
    const path = main().dataset.path
    try {
      const answer = await ask(path)
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('main')
      if (page && main().dataset.path === path) {
        if (page.dataset.state !== 'pending') { put(page); return }
      }
    } catch { /* asked again */ }
    if (main().dataset.state === 'pending') polling = setTimeout(poll, 1500)
  }

  // ask sends a request; it throws when no answer of ours came.
  async function ask(path, fields, json) {
    const stop = new AbortController()
    const late = setTimeout(() => stop.abort(), 15000)
    try {
      const headers = { 'X-Kq-Fragment': '1', 'X-CSRF-Token': data.csrf }
      if (json) headers['Content-Type'] = 'application/json'
      const answer = await fetch(path, fields ? { method: 'POST', headers, body: json ? JSON.stringify(fields) : new URLSearchParams(fields), signal: stop.signal } : { headers, signal: stop.signal })
      if (answer.status === 401) { location.href = '/s/?over=1'; throw new Error('signed out') }
      if ([502, 504].includes(answer.status)) throw new TypeError('gateway')
      setOffline(false)
      return answer
    } catch (problem) {
      if (problem.message !== 'signed out') setOffline(true)
      throw problem
    } finally {
      clearTimeout(late)
    }
  }
  async function load(path, fields) {
    const answer = await ask(path, fields)
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('main')
    if (!page) throw new TypeError('no page')
    put(page)
  }

  let looking = false
  async function look(text) {
    text = text.trim()
    if (!text.startsWith('KQ1.')) text = text.normalize('NFKC')
    if (!text || looking) return
    looking = true
    main().setAttribute('aria-busy', 'true')
    try {
      await load('/s/look', { code: text })
    } catch {
      await lookOffline(text)
    } finally {
      looking = false
      main().removeAttribute('aria-busy')
    }
  }

  // Without network: only what we signed, and only once on this device.
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  async function verify(text) {
    const at = text.lastIndexOf('.')
    const parts = text.slice(0, at).split('.')
    if (parts.length !== 4 || !data.keys[parts[1]]) return null
    try {
      const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
      const key = await crypto.subtle.importKey('raw', bytes(data.keys[parts[1]]), algorithm, false, ['verify'])
      const good = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, bytes(text.slice(at + 1)), new TextEncoder().encode(text.slice(0, at)))
      return good ? { code: parts[2], last: parts[3] ? parseInt(parts[3], 36) : 0 } : null
    } catch { return null }
  }
  function show(id, values) {
    const template = templates[id]
    if (!template) { alert(values.reason || texts.network); return }
    const page = template.content.firstElementChild.cloneNode(true)
    page.querySelectorAll('[data-fill]').forEach((e) => {
      e.textContent = values[e.dataset.fill] || ''
      if (!e.textContent) e.remove()
    })
    put(page)
  }
  const clock = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false })
  let offered = null
  async function lookOffline(text) {
    if (!text.startsWith('KQ1.')) { show('offline-bad', { reason: texts.unsigned }); return }
    if (!window.crypto || !crypto.subtle) { show('offline-bad', { reason: texts.unsupported }); return }
    const pass = await verify(text)
    if (!pass) { show('offline-bad', { reason: texts.forged }); return }
    const seen = kept(SEEN, {})[pass.code]
    if (seen) { show('offline-bad', { reason: fill(texts.used, { time: clock(seen) }), code: grouped(pass.code) }); return }
    const until = pass.last ? new Date(pass.last * 864e5).toLocaleDateString(document.documentElement.lang, { timeZone: 'Asia/Shanghai' }) : ''
    if (pass.last && Math.floor(Date.now() / 864e5) > pass.last) { show('offline-bad', { reason: fill(texts.expired, { date: until }), code: grouped(pass.code) }); return }
    offered = { text, code: pass.code, key: random() }
    show('offline-card', { code: grouped(pass.code), until: until && fill(texts.until, { date: until }) })
  }
  function enqueue(item) {
    const queue = kept(QUEUE, [])
    queue.push({ text: item.text, key: item.key, code: item.code, at: Date.now(), staff: data.staff, name: data.name })
    if (!keep(QUEUE, queue)) { show('offline-bad', { reason: texts.unsupported }); return }
    remember(item.code, Date.now())
    tell()
    show('offline-done', { code: grouped(item.code) })
  }
  const codeOf = (text) => text.split('.')[2] || ''

  const offlineBanner = document.getElementById('offline')
  let probing = 0
  function setOffline(on) {
    if (!offlineBanner) return
    const was = !offlineBanner.hidden
    offlineBanner.hidden = !on
    clearTimeout(probing)
    if (on) probing = setTimeout(probe, 5000)
    else if (was) flush()
  }
  async function probe() {
    try { await fetch('/healthz', { cache: 'no-store' }); setOffline(false) } catch { setOffline(true) }
  }

  // tell says what waits and what went wrong, for as long as it is so.
  const banner = document.getElementById('queue')
  function tell(done) {
    if (!banner) return
    const queue = kept(QUEUE, [])
    const lines = []
    const mine = queue.filter((one) => one.staff === data.staff).length
    if (mine) lines.push(fill(texts.waiting, { count: mine }))
    const others = queue.filter((one) => one.staff !== data.staff)
    for (const name of new Set(others.map((one) => one.name))) lines.push(fill(texts.others, { count: others.filter((one) => one.name === name).length, who: name }))
    const conflicts = kept(CONFLICTS, [])
    if (conflicts.length) lines.push(fill(texts.conflict, { count: conflicts.length, list: conflicts.map((one) => grouped(one.code) + ' ' + one.words).join(' / ') }))
    if (!lines.length && done) lines.push(texts.synced)
    banner.hidden = !lines.length
    banner.textContent = lines.join(' · ')
  }
  banner?.addEventListener('click', () => { keep(CONFLICTS, []); tell() })

  let flushing = false
  async function flush() {
    const mine = kept(QUEUE, []).filter((one) => one.staff === data.staff).slice(0, 100)
    if (flushing || !mine.length) { tell(); return }
    flushing = true
    try {
      const answer = await ask('/s/sync', { items: mine.map(({ text, at, key }) => ({ text, at, key })) }, true)
      if (!answer.ok) return
      const { done } = await answer.json()
      const over = new Map(done.map((one) => [one.key, one]))
      const bad = mine.filter((one) => over.has(one.key) && over.get(one.key).verdict !== 'good')
      keep(CONFLICTS, kept(CONFLICTS, []).concat(bad.map((one) => ({ code: one.code, words: over.get(one.key).words }))))
      keep(QUEUE, kept(QUEUE, []).filter((one) => !over.has(one.key)))
      tell(true)
    } catch { /* the banner says that it waits */ } finally { flushing = false }
  }
  addEventListener('online', () => { probe().then(flush) })
  addEventListener('offline', () => setOffline(true))
  if (banner) {
    if (navigator.onLine === false) setOffline(true)
    tell()
    flush()
    setInterval(() => { if (kept(QUEUE, []).length) flush() }, 20000)
  }

  // Forms. A button that was pressed stays pressed until there is an answer.
  document.addEventListener('submit', async (event) => {
    const form = event.target
    if (form.matches('[data-look]')) {
      event.preventDefault()
      look($('[data-code]', form).value)
      return
    }
    if (!form.matches('[data-redeem], [data-undo]')) {
      if (form.dataset.sent && form.matches('[data-once], [data-signin]')) event.preventDefault()
      form.dataset.sent = '1'
      return
    }
    event.preventDefault()
    if (form.dataset.sent) return
    form.dataset.sent = '1'
    const button = $('button', form)
    const words = button.innerHTML
    const text = main().dataset.text || ''
    const fields = Object.fromEntries(new FormData(form))
    button.disabled = true
    button.textContent = button.dataset.busy || texts.busy
    try {
      await load(form.getAttribute('action'), fields)
    } catch {
      if (text && form.matches('[data-redeem]')) { enqueue({ text, key: fields.key, code: codeOf(text) }); return }
      delete form.dataset.sent
      button.disabled = false
      button.innerHTML = words
      const problem = $('[data-problem]', form)
      if (problem) { problem.textContent = texts.network; problem.hidden = false } else alert(texts.network)
      play('bad')
    }
  })
  addEventListener('pageshow', () => document.querySelectorAll('form[data-sent]').forEach((form) => { delete form.dataset.sent }))

  document.addEventListener('click', (event) => {
    const at = event.target.closest('[data-key], [data-act], [data-home]')
    if (!at) return
    if (at.dataset.key) { press(at); return }
    if (at.matches('[data-home]')) {
      if (home) { event.preventDefault(); goHome() }
      return
    }
    switch (at.dataset.act) {
      case 'scan': scan(); break
      case 'stop': stopCamera(); break
      case 'home': goHome(); break
      case 'queue': if (offered) { const item = offered; offered = null; enqueue(item) } break
      case 'share': share($(at.dataset.of).value, at); break
    }
  })
  async function share(text, button) {
    try {
      if (navigator.share && matchMedia('(pointer: coarse)').matches) { await navigator.share({ text }); return }
      await navigator.clipboard.writeText(text)
    } catch (problem) {
      if (problem && problem.name === 'AbortError') return
      $('#summary').select()
      document.execCommand('copy')
    }
    const words = button.textContent
    button.textContent = texts.copied
    setTimeout(() => { button.textContent = words }, 2000)
  }

  // The keypad and the grouping of digits.
  function press(key) {
    const input = $('[data-pad-input]', key.closest('form'))
    const most = Number(input.dataset.padDigits || 0)
    switch (key.dataset.key) {
      case 'back': input.value = input.value.replace(/\s*\S\s*$/, ''); break
      case 'clear': input.value = ''; break
      case 'abc': input.inputMode = 'text'; input.blur(); input.focus(); return
      default: if (!most || input.value.length < most) input.value += key.dataset.key
    }
    group(input)
    if (navigator.vibrate) navigator.vibrate(10)
    if (most && input.value.length === most && key.dataset.key.length === 1) {
      const form = input.form
      if (form.checkValidity()) form.requestSubmit()
    }
  }
  function group(input) {
    if (!input.matches('[data-code]') || !/^[\d\s]*$/.test(input.value)) return
    const end = input.selectionStart === input.value.length
    const digits = input.value.replace(/\s/g, '')
    const better = digits.replace(/(\d{4})(?=\d)/g, '$1 ')
    if (better !== input.value && (end || document.activeElement !== input)) input.value = better
  }
  document.addEventListener('input', (event) => { if (event.target.matches('[data-code]')) group(event.target) })

  // A scanner that types, wherever the focus is: fast letters, then Enter. The time is that
  // of the key, not of our hearing of it: a busy page hears late.
  let typed = ''
  let last = 0
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !data.staff) return
    const inField = event.target.matches('input, textarea, select')
    if (inField) return
    if (event.timeStamp - last > 200) typed = ''
    last = event.timeStamp
    if (event.key.length === 1) {
      typed += event.key
      const input = $('[data-code]')
      if (input && event.key !== ' ') { input.focus(); input.value += event.key; event.preventDefault() }
    } else if (event.key === 'Enter' && typed.length >= 4) {
      event.preventDefault()
      const text = typed
      typed = ''
      look(text)
    }
  })

  // The scanner: WeChat's inside WeChat, the camera elsewhere.
  let wxReady = false
  if (data.sdk && data.config) {
    const script = document.createElement('script')
    script.src = data.sdk
    script.onload = () => {
      if (!window.wx) return
      window.wx.ready(() => { wxReady = true })
      window.wx.error(() => { wxReady = false })
      window.wx.config({ debug: false, appId: data.config.appId, timestamp: data.config.timestamp, nonceStr: data.config.nonceStr, signature: data.config.signature, jsApiList: ['scanQRCode'] })
    }
    document.head.appendChild(script)
  }
  function scan() {
    if (wxReady && typeof window.wx.scanQRCode === 'function') {
      window.wx.scanQRCode({
        needResult: 1,
        scanType: ['qrCode', 'barCode'],
        success: (result) => look(String(result.resultStr || '').replace(/^[A-Z0-9_]+,/, '')),
        fail: () => camera(),
      })
      return
    }
    camera()
  }
  let stream = null
  let detector = null
  if ('BarcodeDetector' in window) {
    window.BarcodeDetector.getSupportedFormats().then((formats) => {
      const wanted = ['qr_code', 'code_128', 'code_39', 'ean_13'].filter((one) => formats.includes(one))
      if (wanted.includes('qr_code')) detector = new window.BarcodeDetector({ formats: wanted })
    }).catch(() => {})
  }
  const canvas = document.createElement('canvas')
  // read finds a code in a picture, of which the middle square is enough for a video.
  async function read(source, width, height, whole) {
    if (detector) {
      const found = await detector.detect(source).catch(() => [])
      if (found.length) return found[0].rawValue
    }
    for (const size of whole ? [900, 500, 1400] : [480]) {
      const side = Math.min(width, height)
      const scale = Math.min(1, size / (whole ? Math.max(width, height) : side))
      canvas.width = Math.round((whole ? width : side) * scale)
      canvas.height = Math.round((whole ? height : side) * scale)
      const pen = canvas.getContext('2d', { willReadFrequently: true })
      if (whole) pen.drawImage(source, 0, 0, canvas.width, canvas.height)
      else pen.drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, canvas.width, canvas.height)
      const text = window.KaquanQR.decode(pen.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height)
      if (text) return text
    }
    return ''
  }
  function say(words) {
    const at = $('#camera-words')
    if (!at) return
    at.textContent = words
    at.hidden = !words
  }
  async function camera() {
    const box = $('#camera')
    const photo = $('#photo')
    if (!box || stream) return
    say('')
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 1280 } } })
    } catch {
      stream = null
      say(texts.camera)
      if (photo) photo.hidden = false
      return
    }
    const mine = stream
    const video = $('#video')
    box.hidden = false
    video.srcObject = mine
    await video.play().catch(() => {})
    while (stream === mine) {
      if (video.videoWidth) {
        const text = await read(video, video.videoWidth, video.videoHeight, false)
        if (text && stream === mine) { stopCamera(); look(text); return }
      }
      await new Promise((next) => setTimeout(next, 120))
    }
  }
  function stopCamera() {
    if (stream) stream.getTracks().forEach((track) => track.stop())
    stream = null
    const box = $('#camera')
    if (box) box.hidden = true
  }
  document.addEventListener('change', async (event) => {
    if (!event.target.closest('#photo') || !event.target.files[0]) return
    try {
      const picture = await createImageBitmap(event.target.files[0])
      const text = await read(picture, picture.width, picture.height, true)
      if (text) look(text)
      else say(texts.nothing)
    } catch { say(texts.nothing) }
    event.target.value = ''
  })
  addEventListener('pagehide', stopCamera)
  if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) { const photo = $('#photo'); if (photo) photo.hidden = false }

  // The worker opens this page without network the next time.
  if (data.worker && home && 'serviceWorker' in navigator && 'caches' in window) {
    const first = !navigator.serviceWorker.controller
    navigator.serviceWorker.register(data.worker).then(() => navigator.serviceWorker.ready).then(async () => {
      if (!first) return
      const store = await caches.open('kaquan-till-1')
      await store.addAll([...document.querySelectorAll('link[rel=stylesheet], head script[src^="/assets/"]')].map((e) => e.href || e.src))
      await store.put('/s/scan', await fetch('/s/scan'))
      document.documentElement.dataset.kept = '1'
    }).catch(() => {})
  }

  enter()
})()
