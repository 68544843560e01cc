// The form builder: dragging and keys press the buttons that reorder without scripts, rows
// that were folded stay so, and conditions show only the options that they are about.
(() => {
  const box = () => document.getElementById('questions')
  if (!box()) return
  const rows = () => [...box().querySelectorAll('.kq-question')]
  const rowOf = (target) => (target instanceof Element ? target.closest('#questions .kq-question') : null)
  const nameOf = (row) => row.dataset.key || row.dataset.row

  // press does what a button of that name would; only the rows are replaced.
  let focus = null
  const press = (op) => {
    const button = document.createElement('button')
    button.name = 'op'
    button.value = op
    button.hidden = true
    if (!window.htmx) {
      box().append(button)
      button.click()
      return
    }
    window.htmx.ajax('POST', box().dataset.action, {
      source: document.getElementById('editor'), target: '#questions', select: '#questions', swap: 'outerHTML', values: { op },
    })
  }

  // What was folded, and where the cursor was, by the row's key: rows come anew after each change.
  const folded = new Map()
  let before = []
  const remember = () => {
    before = rows().map(nameOf)
    for (const row of rows()) folded.set(nameOf(row), [...row.querySelectorAll('details')].map((d) => d.open))
  }
  const restore = () => {
    let fresh = null
    for (const row of rows()) {
      const open = folded.get(nameOf(row))
      if (!open) {
        if (before.length > 0 || rows().length === 1) fresh = row
        continue
      }
      row.querySelectorAll('details').forEach((d, i) => { if (i in open && !row.classList.contains('ef-bad')) d.open = open[i] })
    }
    conditions()
    const wanted = focus && rows().find((row) => nameOf(row) === focus.name)
    if (wanted) {
      const again = wanted.querySelector(focus.selector)
      const other = wanted.querySelector('.kq-question-tools button')
      ;(again || other || wanted).focus()
      wanted.scrollIntoView({ block: 'nearest' })
    } else if (fresh) {
      const input = fresh.querySelector('input[name$="[label]"]')
      if (input) input.focus()
    }
    focus = null
  }
  const mine = (e) => e.detail && e.detail.target && e.detail.target.id === 'questions'
  document.addEventListener('htmx:beforeRequest', (e) => { if (mine(e)) remember() })
  document.addEventListener('htmx:afterSwap', (e) => { if (e.target.id === 'questions' || mine(e)) restore() })
  document.addEventListener('click', (e) => {
    const button = e.target instanceof Element && e.target.closest('#questions .kq-question-tools button')
    const verb = button && /^(up|down)-/.exec(button.value)
    if (verb) focus = { name: nameOf(rowOf(button)), selector: `button[value^="${verb[1]}-"]` }
  })

  // Alt and an arrow move the row that has the cursor.
  document.addEventListener('keydown', (e) => {
    if (!e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || (e.key !== 'ArrowUp' && e.key !== 'ArrowDown')) return
    const row = rowOf(e.target)
    if (!row) return
    e.preventDefault()
    const list = rows(), from = list.indexOf(row), to = from + (e.key === 'ArrowUp' ? -1 : 1)
    if (to < 0 || to >= list.length) return
    const part = /\[(\w+)\]$/.exec(e.target.name || '')
    focus = { name: nameOf(row), selector: part ? `[name$="[${part[1]}]"]` : 'summary' }
    press(`move-${from}-${to}`)
  })

  // Dragging by the handle, with a mouse, a pen or a finger.
  let drag = null
  const place = (y) => {
    const others = rows().filter((row) => row !== drag.row)
    return others.filter((row) => {
      const r = row.getBoundingClientRect()
      return y > r.top + r.height / 2
    }).length
  }
  const mark = (to) => {
    const others = rows().filter((row) => row !== drag.row)
    for (const row of rows()) row.classList.remove('ef-before', 'ef-after')
    if (to < others.length) others[to].classList.add('ef-before')
    else if (others.length > 0) others[others.length - 1].classList.add('ef-after')
  }
  const stop = () => {
    for (const row of rows()) row.classList.remove('ef-dragged', 'ef-before', 'ef-after')
    drag.move.cancel()
    drag = null
  }
  document.addEventListener('pointerdown', (e) => {
    const handle = e.target instanceof Element && e.target.closest('[data-drag]')
    if (!handle || e.button !== 0 || drag) return
    e.preventDefault()
    const row = rowOf(handle)
    // An animation, since the policy refuses style attributes, which htmx would copy.
    const move = row.animate([{ transform: 'none' }], { duration: 1, fill: 'forwards' })
    drag = { row, move, pointer: e.pointerId, y: e.pageY, from: rows().indexOf(row), to: rows().indexOf(row) }
    handle.setPointerCapture(e.pointerId)
    row.classList.add('ef-dragged')
  })
  document.addEventListener('pointermove', (e) => {
    if (!drag || e.pointerId !== drag.pointer) return
    drag.move.effect.setKeyframes([{ transform: `translateY(${e.pageY - drag.y}px)` }])
    drag.to = place(e.clientY)
    mark(drag.to)
    if (e.clientY < 60) scrollBy(0, -12)
    else if (e.clientY > innerHeight - 60) scrollBy(0, 12)
  })
  document.addEventListener('pointerup', (e) => {
    if (!drag || e.pointerId !== drag.pointer) return
    const { row, from, to } = drag
    stop()
    if (from === to) return
    focus = { name: nameOf(row), selector: 'summary' }
    press(`move-${from}-${to}`)
  })
  document.addEventListener('pointercancel', () => { if (drag) stop() })
  document.addEventListener('keydown', (e) => { if (drag && e.key === 'Escape') stop() })

  // A condition shows the options of the question that it is about.
  function conditions() {
    for (const part of box().querySelectorAll('[data-show]')) {
      const chosen = part.querySelector('select').value
      for (const set of part.querySelectorAll('[data-show-key]')) set.hidden = set.dataset.showKey !== chosen
    }
  }
  document.addEventListener('change', (e) => {
    const row = rowOf(e.target)
    if (!row) return
    conditions()
    // The sentence above a folded row follows what is typed in it.
    const label = row.querySelector('input[name$="[label]"]'), title = row.querySelector('.ef-body > summary strong')
    if (e.target === label && label.value && title) title.firstChild.textContent = label.value
    const badge = row.querySelector('.ef-body > summary .badge')
    if (e.target.name && e.target.name.endsWith('[kind]') && badge) badge.textContent = e.target.selectedOptions[0].textContent
  })
  conditions()
})()
