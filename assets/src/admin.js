// What the admin gets from scripts; every write works without them.
(() => {
  const root = document.documentElement
  root.classList.add('kq-js')

  // Runs before the first paint: the theme of the system, for those who follow it.
  if (root.dataset.theme === 'auto') {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const paint = () => { root.dataset.bsTheme = dark.matches ? 'dark' : 'light' }
    paint()
    dark.addEventListener('change', paint)
  }

  const on = (event, selector, handle) =>
    document.addEventListener(event, (e) => {
      const found = e.target instanceof Element && e.target.closest(selector)
      if (found) handle(found, e)
    })

  // Copy buttons say that they did it. Without a secure origin there is no clipboard: the
  // text is selected instead.
  on('click', '[data-copy]', async (button) => {
    const input = button.parentElement.querySelector('[data-select]')
    const words = button.querySelector('span') || button
    try {
      await navigator.clipboard.writeText(button.dataset.copy)
      const before = words.textContent
      words.textContent = '✓'
      setTimeout(() => { words.textContent = before }, 1500)
    } catch {
      if (input) input.select()
    }
  })
  on('focusin', '[data-select]', (input) => input.select())

  // Characters used of those advised.
  const count = (input) => {
    const label = document.querySelector(`[data-count="${CSS.escape(input.id)}"]`)
    if (!label) return
    const n = [...input.value].length
    label.textContent = `${n}/${input.dataset.max}`
    label.classList.toggle('text-danger', n > Number(input.dataset.max))
  }
  on('input', '[data-max]', count)

  // One menu at a time; a click elsewhere or Escape closes it.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll('details.kq-menu[open]')) if (menu !== except) menu.open = false
  }
  document.addEventListener('click', (e) => closeMenus(e.target instanceof Element ? e.target.closest('details.kq-menu') : null))
  on('click', 'details.kq-menu [popovertarget]', () => closeMenus(null))

  // A second click while the first is on its way would only find the state changed.
  on('submit', 'form[data-once]', (form, e) => {
    if (form.dataset.sent) e.preventDefault()
    form.dataset.sent = '1'
  })
  addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent
  })

  const typing = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  const open = (selector) => {
    const link = document.querySelector(selector)
    if (link) link.click()
    return Boolean(link)
  }
  let going = 0 // when g was pressed
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') {
      const menu = document.querySelector('details.kq-menu[open]')
      if (!menu) return
      menu.open = false
      menu.querySelector('summary').focus()
      return
    }
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target) || document.querySelector('.kq-dialog:popover-open')) return
    const chord = Date.now() - going < 1500
    going = 0
    let done = true
    if (chord && /^[a-z]$/.test(e.key)) done = open(`[data-go="${e.key}"]`)
    else if (e.key === 'g') going = Date.now()
    else if (e.key === 'n' || e.key === 'e') done = open(`[data-key="${e.key}"]`) || (e.key === 'n' && open('[data-new]'))
    else if (e.key === '/') {
      const search = document.querySelector('[data-search]')
      done = Boolean(search)
      if (search) search.select()
    } else if (e.key === '?') {
      const help = document.getElementById('shortcuts')
      done = Boolean(help)
      if (help) help.showPopover()
    } else done = false
    if (done) e.preventDefault()
  })

  // A request of htmx that failed must not look as if nothing had been asked.
  const toast = (text) => {
    const place = document.querySelector('.kq-toast')
    if (!place || !text) return
    place.textContent = text
    place.hidden = false
    clearTimeout(toast.timer)
    toast.timer = setTimeout(() => { place.hidden = true }, 8000)
  }
  for (const event of ['htmx:responseError', 'htmx:sendError', 'htmx:timeout']) {
    document.addEventListener(event, () => toast(document.body.dataset.failed))
  }

  // A live part of a page: the server tells when there is news, and htmx fetches it. When
  // it cannot tell, we ask every 20 seconds. Nothing changes under a person's hands.
  const watch = (part) => {
    let timer, again = false
    const renew = () => {
      if (document.hidden || part.contains(document.activeElement)) return false
      part.dispatchEvent(new CustomEvent('kq:changed'))
      return true
    }
    let missed = false
    const news = () => { missed = !renew() }
    const poll = () => { timer ||= setInterval(news, 20000) }
    for (const event of ['visibilitychange', 'focusout']) {
      document.addEventListener(event, () => setTimeout(() => { if (missed) news() }))
    }
    if (!window.EventSource) return poll()
    const source = new EventSource(part.dataset.live)
    source.addEventListener('hello', () => {
      clearInterval(timer)
      timer = undefined
      if (again) news()
      again = true
    })
    source.addEventListener('changed', news)
    source.onerror = poll
    addEventListener('pagehide', () => source.close())
    addEventListener('pageshow', (e) => { if (e.persisted) location.reload() })
  }

  document.addEventListener('DOMContentLoaded', () => {
    for (const part of document.querySelectorAll('[data-live]')) watch(part)
    for (const dialog of document.querySelectorAll('[popover][data-open]')) dialog.showPopover()
  })
})()
