// What pictures and colours get from scripts: the part of a picture that is kept can be moved and
// sized with the pointer or the keys, and colours can be picked. Without them the middle is kept.
(() => {
  const types = ['image/jpeg', 'image/png', 'image/webp']
  const most = 8 * 1024 * 1024

  const ready = (box) => {
    if (box.dataset.ready) return
    box.dataset.ready = '1'
    const input = box.querySelector('input[type=file]')
    const stage = box.querySelector('.dz-stage')
    const canvas = stage.querySelector('canvas')
    const problem = box.querySelector('[data-problem]')
    const [rw, rh] = box.dataset.ratio.split(':').map(Number)
    const sides = Object.fromEntries([...box.querySelectorAll('[data-side]')].map((i) => [i.dataset.side, i]))
    let picture = null, scale = 1, part = { x: 0, y: 0, w: 0, h: 0 }

    const clear = () => {
      picture = null
      stage.hidden = true
      for (const side of Object.values(sides)) side.value = ''
    }
    const whole = () => {
      for (const [name, side] of Object.entries(sides)) side.value = String(Math.round(part[name]))
    }
    const draw = () => {
      const pen = canvas.getContext('2d')
      pen.clearRect(0, 0, canvas.width, canvas.height)
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
      pen.fillStyle = 'rgba(0, 0, 0, .55)'
      const [x, y, w, h] = [part.x, part.y, part.w, part.h].map((n) => n * scale)
      pen.fillRect(0, 0, canvas.width, y)
      pen.fillRect(0, y + h, canvas.width, canvas.height - y - h)
      pen.fillRect(0, y, x, h)
      pen.fillRect(x + w, y, canvas.width - x - w, h)
      pen.strokeStyle = '#fff'
      pen.lineWidth = 2
      pen.strokeRect(x + 1, y + 1, w - 2, h - 2)
      pen.fillStyle = '#fff'
      pen.fillRect(x + w - 14, y + h - 14, 14, 14)
    }
    const place = (x, y, w) => {
      const widest = Math.min(picture.width, picture.height * rw / rh)
      part.w = Math.max(Math.min(120 * Math.max(1, rw / rh), widest), Math.min(w, widest))
      part.h = part.w * rh / rw
      part.x = Math.max(0, Math.min(x, picture.width - part.w))
      part.y = Math.max(0, Math.min(y, picture.height - part.h))
      whole()
      draw()
    }

    input.addEventListener('change', async () => {
      clear()
      const file = input.files[0]
      problem.textContent = ''
      if (!file) return
      if (!types.includes(file.type)) problem.textContent = box.dataset.refused
      else if (file.size > most) problem.textContent = box.dataset.large
      if (problem.textContent) {
        input.value = ''
        return
      }
      try {
        picture = await createImageBitmap(file)
      } catch {
        return // the server says what is wrong with it
      }
      stage.hidden = false
      scale = Math.min(1, 640 / picture.width, 480 / picture.height)
      canvas.width = Math.round(picture.width * scale)
      canvas.height = Math.round(picture.height * scale)
      const w = Math.min(picture.width, picture.height * rw / rh)
      place((picture.width - w) / 2, (picture.height - w * rh / rw) / 2, w)
    })

    let drag = null
    const at = (e) => {
      const seen = canvas.getBoundingClientRect()
      const factor = canvas.width / seen.width / scale
      return { x: (e.clientX - seen.left) * factor, y: (e.clientY - seen.top) * factor }
    }
    canvas.addEventListener('pointerdown', (e) => {
      const from = at(e), near = 28 / scale
      const sizes = Math.abs(from.x - part.x - part.w) < near && Math.abs(from.y - part.y - part.h) < near
      drag = { from, part: { ...part }, sizes }
      canvas.setPointerCapture(e.pointerId)
    })
    canvas.addEventListener('pointermove', (e) => {
      if (!drag) return
      const to = at(e), dx = to.x - drag.from.x, dy = to.y - drag.from.y
      if (drag.sizes) place(drag.part.x, drag.part.y, drag.part.w + Math.max(dx, dy * rw / rh))
      else place(drag.part.x + dx, drag.part.y + dy, drag.part.w)
    })
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { drag = null })
    canvas.addEventListener('keydown', (e) => {
      const step = (e.shiftKey ? 50 : 10) / scale
      const moves = { ArrowLeft: [-step, 0, 0], ArrowRight: [step, 0, 0], ArrowUp: [0, -step, 0], ArrowDown: [0, step, 0], '+': [0, 0, step], '=': [0, 0, step], '-': [0, 0, -step] }
      const move = moves[e.key]
      if (!move || !picture) return
      e.preventDefault()
      place(part.x + move[0], part.y + move[1], part.w + move[2])
    })
  }
  document.querySelectorAll('[data-upload]').forEach(ready)

  // A picker beside each colour that is typed.
  for (const input of document.querySelectorAll('[data-colour]')) {
    if (input.dataset.ready) continue
    input.dataset.ready = '1'
    const picker = document.createElement('input')
    picker.type = 'color'
    picker.className = 'form-control'
    picker.setAttribute('aria-label', document.querySelector(`label[for="${input.id}"]`).textContent.trim())
    const follow = () => { picker.value = /^#[0-9a-f]{6}$/i.test(input.value) ? input.value.toLowerCase() : input.placeholder }
    follow()
    input.addEventListener('input', follow)
    picker.addEventListener('change', () => {
      input.value = picker.value
      for (const name of ['input', 'change']) input.dispatchEvent(new Event(name, { bubbles: true }))
    })
    const frame = document.createElement('div')
    frame.className = 'dz-swatch'
    input.replaceWith(frame)
    frame.append(picker, input)
  }
})()
