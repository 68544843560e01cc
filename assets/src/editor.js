// What the campaign editor gets from scripts: it saves while somebody types, asks the server
// about each field, and renews the phone. Every button works without.
(() => {
  const form = document.getElementById('editor')
  if (!form) return
  const status = document.getElementById('saved')
  const frame = document.getElementById('editor-frame')
  const picker = document.querySelector('[data-frame]')
  const idle = 800

  const body = () => new URLSearchParams(new FormData(form))
  const say = (name, time) => {
    if (!status) return
    status.textContent = status.dataset[name].replace('{time}', time ?? '')
    status.classList.toggle('text-danger', name === 'offline' || name === 'refused')
  }

  // On a narrow screen the steps are a strip; the one that is open stands in sight.
  document.querySelector('.ed-steps [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })

  // The phone shows what the server has by now. Two quick saves load it once.
  let turning
  const turn = () => {
    if (!frame) return
    clearTimeout(turning)
    turning = setTimeout(() => {
      const query = picker ? new URLSearchParams(new FormData(picker)) : ''
      frame.src = `${frame.getAttribute('src').split('?')[0]}?${query}`
    }, 150)
  }
  if (picker) picker.addEventListener('change', turn)
  const phone = document.querySelector('.ed-phone')
  if (phone && matchMedia('(max-width: 1100px)').matches) phone.open = false

  const mark = (step, n) => {
    const place = document.querySelector(`[data-step="${step}"] [data-mark]`)
    if (!place) return
    place.classList.toggle('ed-mark-bad', n > 0)
    place.textContent = n > 0 ? `!${n}` : '✓'
  }

  // One save is on its way at a time; what was typed meanwhile follows. A save that fails
  // is tried again, later and later.
  let timer, dirty = false, busy = false, failures = 0, leaving = false
  const send = (keepalive) =>
    fetch(form.dataset.autosave, { method: 'POST', body: body(), keepalive, redirect: 'manual', headers: { 'X-Kaquan-Autosave': '1', Accept: 'application/json' } })
  const later = () => {
    clearTimeout(timer)
    timer = setTimeout(save, Math.min(30000, 1000 * 2 ** failures))
  }
  const done = (answer) => {
    if (answer.version) form.elements.version.value = answer.version
    for (const [step, n] of Object.entries(answer.problems ?? {})) mark(step, n)
    const limits = document.querySelector('#limits span')
    if (limits && answer.limits) limits.textContent = answer.limits
    const notice = document.getElementById('elsewhere')
    if (notice && answer.state === 'elsewhere') {
      const words = notice.querySelector('[data-words]')
      words.textContent = words.dataset.words.replace('{name}', answer.by).replace('{time}', answer.by_at)
      notice.hidden = false
    }
    say(answer.state === 'saved' ? 'saved' : 'kept', answer.at)
    turn()
  }
  async function save() {
    clearTimeout(timer)
    if (busy || !dirty || leaving) return
    busy = true
    dirty = false
    say('saving')
    try {
      const response = await send(false)
      if (response.ok) {
        failures = 0
        done(await response.json())
      } else if (response.status >= 500 || response.status === 429) {
        throw new Error(String(response.status))
      } else {
        dirty = true
        say('refused')
        return
      }
    } catch {
      dirty = true
      failures++
      say('offline')
      later()
    } finally {
      busy = false
    }
    if (dirty && failures === 0) timer = setTimeout(save, idle)
  }
  const typed = () => {
    if (!form.dataset.autosave || leaving) return
    dirty = true
    if (failures > 0) return
    clearTimeout(timer)
    timer = setTimeout(save, idle)
  }
  form.addEventListener('input', typed)
  form.addEventListener('change', typed)
  addEventListener('online', () => { if (dirty) save() })
  form.addEventListener('submit', () => {
    leaving = true
    clearTimeout(timer)
  })
  addEventListener('pageshow', (e) => {
    if (e.persisted) location.reload()
  })
  // A page that goes away sends the last second after itself.
  const flush = () => {
    if (!dirty || leaving) return
    dirty = false
    clearTimeout(timer)
    send(true).then((response) => { if (!response.ok) dirty = true }, () => { dirty = true })
  }
  addEventListener('pagehide', flush)
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'hidden') flush() })
  addEventListener('beforeunload', (e) => { if (dirty && failures > 0 && !leaving) e.preventDefault() })

  // What is wrong with a field is said by the server, once the person leaves it.
  const touched = new Set()
  const asked = new Map()
  form.addEventListener('input', (e) => { if (e.target.name) touched.add(e.target.name) })
  const show = (input, field, messages) => {
    const id = `f-${field}-error`
    let place = document.getElementById(id)
    if (!place) {
      place = document.createElement('div')
      place.id = id
      place.className = 'invalid-feedback'
      const hint = document.getElementById(`f-${field}-hint`)
      if (hint) hint.before(place)
      else input.after(place)
    }
    place.setAttribute('aria-live', 'polite')
    place.removeAttribute('role')
    place.classList.toggle('d-block', messages.length > 0)
    place.replaceChildren(...messages.map((text) => {
      const line = document.createElement('div')
      line.textContent = text
      return line
    }))
    if (input.id !== `f-${field}`) return
    input.classList.toggle('is-invalid', messages.length > 0)
    input.setAttribute('aria-invalid', String(messages.length > 0))
    input.setAttribute('aria-describedby', messages.length > 0 ? id : `f-${field}-hint`)
  }
  // Instead of a link that is taken the server offers free ones; one click takes one.
  const offer = (slugs) => {
    const place = document.getElementById('free-slugs')
    if (!place) return
    const shown = [...place.querySelectorAll('button')]
    if (shown.length && shown.map((button) => button.textContent).join() === slugs.join()) return // one may be under the finger
    shown.forEach((button) => button.remove())
    place.hidden = slugs.length === 0
    for (const slug of slugs) {
      const button = document.createElement('button')
      button.className = 'btn btn-sm'
      button.name = 'op'
      button.value = `slug-${slug}`
      button.textContent = slug
      place.append(' ', button)
    }
  }
  form.addEventListener('click', (e) => {
    const button = e.target.closest('#free-slugs button')
    const input = document.getElementById('f-slug')
    if (!button || !input) return
    e.preventDefault()
    input.value = button.value.slice('slug-'.length)
    offer([])
    show(input, 'slug', [])
    input.dispatchEvent(new Event('input', { bubbles: true }))
    input.focus()
  })
  form.addEventListener('focusout', async (e) => {
    const input = e.target
    if (!(input instanceof HTMLElement) || !input.name || input.type === 'hidden' || input.tagName === 'BUTTON') return
    if (!touched.has(input.name) && input.getAttribute('aria-invalid') !== 'true') return
    const row = /^question\[(\d+)\]/.exec(input.name)
    const field = row ? `question-${row[1]}` : input.name
    const turnOf = (asked.get(field) ?? 0) + 1
    asked.set(field, turnOf)
    try {
      const response = await fetch(`${form.dataset.check}?field=${encodeURIComponent(field)}`, { method: 'POST', body: body(), redirect: 'manual', headers: { Accept: 'application/json' } })
      if (!response.ok || asked.get(field) !== turnOf) return
      const answer = await response.json()
      show(input, field, answer.messages)
      if (field === 'slug') offer(answer.free)
    } catch {
      // Saving says the same later.
    }
  })
})()
