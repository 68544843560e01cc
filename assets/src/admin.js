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
  // The palette: its own entries are narrowed here, the rest is searched by the server.
  const palette = () => document.getElementById('palette')
  const openPalette = () => {
    const dialog = palette()
    if (!dialog || !dialog.showModal) return false
    closeMenus(null)
    if (!dialog.open) dialog.showModal()
    const input = dialog.querySelector('input')
    input.value = ''
    input.focus()
    narrow(dialog, '')
    return true
  }
  const options = (dialog) => [...dialog.querySelectorAll('[role=option]')].filter((option) => !option.hidden)
  const choose = (dialog, option) => {
    for (const other of dialog.querySelectorAll('[aria-selected=true]')) other.setAttribute('aria-selected', 'false')
    const input = dialog.querySelector('input')
    if (!option) return input.removeAttribute('aria-activedescendant')
    option.setAttribute('aria-selected', 'true')
    option.scrollIntoView({ block: 'nearest' })
    input.setAttribute('aria-activedescendant', option.id)
  }
  const says = (dialog, words) => { dialog.querySelector('[data-palette-status]').textContent = words }
  const narrow = (dialog, text) => {
    const words = text.toLowerCase()
    for (const group of dialog.querySelectorAll('[role=group]')) {
      let shown = 0
      for (const option of group.querySelectorAll('[role=option]')) {
        option.hidden = !option.textContent.toLowerCase().includes(words)
        shown += option.hidden ? 0 : 1
      }
      group.hidden = shown === 0
    }
    search(dialog, text)
    choose(dialog, options(dialog)[0])
  }
  const search = (dialog, text) => {
    clearTimeout(search.timer)
    search.timer = setTimeout(async () => {
      search.last?.abort()
      const asked = search.last = new AbortController()
      try {
        const answer = await fetch('/admin/search?q=' + encodeURIComponent(text), { headers: { Accept: 'application/json' }, signal: asked.signal })
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status))
        found(dialog, await answer.json())
      } catch (e) {
        if (e.name !== 'AbortError') says(dialog, dialog.dataset.failed)
      }
    }, text ? 180 : 0)
  }
  const element = (tag, className, text) => {
    const made = document.createElement(tag)
    made.className = className
    if (text) made.textContent = text
    return made
  }
  const found = (dialog, answer) => {
    const place = dialog.querySelector('[data-live-results]')
    place.replaceChildren(...answer.groups.map((group) => {
      const box = element('div', '')
      box.setAttribute('role', 'group')
      box.dataset.found = group.kind
      box.setAttribute('aria-labelledby', 'palette-found-' + group.kind)
      const title = element('div', 'kq-palette-group', group.title)
      title.id = 'palette-found-' + group.kind
      box.append(title, ...group.items.map((item, i) => {
        const option = element(item.path ? 'a' : 'div', 'kq-palette-item')
        if (item.path) option.href = item.path
        option.id = `palette-found-${group.kind}-${i}`
        option.tabIndex = -1
        option.setAttribute('role', 'option')
        option.setAttribute('aria-selected', 'false')
        option.append(element('span', 'kq-palette-title', item.title), element('span', 'kq-palette-note', item.note))
        return option
      }))
      return box
    }))
    // What is searched for comes first, what was only opened comes last.
    dialog.querySelector('[role=listbox]')[answer.text ? 'prepend' : 'append'](place)
    const list = options(dialog)
    choose(dialog, list[0])
    says(dialog, list.length ? String(list.length) : dialog.dataset.none)
  }
  on('click', '[data-palette]', (link, e) => {
    if (e.metaKey || e.ctrlKey || e.shiftKey || e.button) return
    if (openPalette()) e.preventDefault()
  })
  document.addEventListener('DOMContentLoaded', () => {
    const key = document.querySelector('[data-palette] kbd')
    if (key && /Mac|iP(hone|ad)/.test(navigator.platform)) key.textContent = '⌘ K'
  })
  on('click', '[data-close-palette]', () => palette().close())
  on('input', '#palette input', (input) => narrow(palette(), input.value.trim()))
  on('mousemove', '#palette [role=option]', (option) => {
    if (option.getAttribute('aria-selected') !== 'true') choose(palette(), option)
  })
  document.addEventListener('click', (e) => { if (e.target === palette()) palette().close() })
  on('keydown', '#palette', (dialog, e) => {
    if (e.isComposing) return
    const list = options(dialog)
    const at = list.findIndex((option) => option.getAttribute('aria-selected') === 'true')
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[e.key]
    if (to !== undefined && list.length) choose(dialog, list[(to + list.length) % list.length])
    else if (e.key === 'Enter' && e.target.tagName === 'INPUT') {
      if (list[at]?.href) list[at].click()
    } else return
    e.preventDefault()
  })
  document.addEventListener('keydown', (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
      if (palette()?.open) palette().close()
      else if (!openPalette()) return
      e.preventDefault()
    }
  })

  // Rows that are checked: the bar says how many, and a button is about one alone.
  const rows = () => [...document.querySelectorAll('input[name=id][form=bulk]')]
  const counted = () => {
    const checked = rows().filter((box) => box.checked).length
    const words = document.querySelector('.kq-bulk-count')
    if (words) words.textContent = checked ? words.dataset.words.replace('{n}', checked) : ''
    const all = document.querySelector('[data-check-all]')
    if (all) {
      all.checked = checked > 0 && checked === rows().length
      all.indeterminate = checked > 0 && checked < rows().length
    }
  }
  on('change', '[data-check-all]', (all) => {
    for (const box of rows()) box.checked = all.checked
    counted()
  })
  on('change', 'input[form=bulk]', counted)
  addEventListener('pageshow', counted)
  on('keydown', '[data-enter]', (input, e) => {
    if (e.key !== 'Enter' || e.isComposing) return
    e.preventDefault()
    document.getElementById(input.dataset.enter).click()
  })

  let going = 0 // when g was pressed
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') {
      const menu = document.querySelector('details.kq-menu[open]')
      if (!menu) return
      menu.open = false
      menu.querySelector('summary').focus()
      return
    }
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target) || document.querySelector('.kq-dialog:popover-open, dialog[open]')) return
    const chord = Date.now() - going < 1500
    going = 0
    let done = true
    if (chord && /^[a-z]$/.test(e.key)) done = open(`[data-go="${e.key}"]`)
    else if (e.key === 'g') going = Date.now()
    else if (e.key === 'n' || e.key === 'e') done = open(`[data-key="${e.key}"]`) || (e.key === 'n' && open('[data-new]'))
    else if (e.key === '/') {
      const search = [...document.querySelectorAll('[data-search]')].find((input) => input.offsetParent)
      if (search) search.select()
      else done = openPalette()
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
