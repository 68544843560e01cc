// Composes a poster on a canvas: colour, cover, texts and the code that the server drew. The
// cover stays in the browser; drawing it anew drops everything but its pixels.
(() => {
  document.addEventListener('click', (e) => {
    if (e.target instanceof Element && e.target.closest('[data-poster="print"]')) window.print()
  })

  const form = document.getElementById('poster')
  const canvas = document.getElementById('poster-canvas')
  if (!form || !canvas) return
  const ctx = canvas.getContext('2d')
  const code = new Image()
  let cover = null
  let broken = false

  const field = (name) => form.querySelector(`[data-draw="${name}"]`).value
  const say = (words) => { document.getElementById('f-cover-error').textContent = words }

  // Relative luminance decides between white and black words, as on the claim page.
  const luminance = (hex) => {
    const part = (i) => {
      const v = parseInt(hex.slice(i, i + 2), 16) / 255
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    }
    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
  }
  const inkOn = (hex) => (1.05 / (luminance(hex) + 0.05) >= 4.5 ? '#ffffff' : '#000000')

  // Text is cut between letters, and between words where there are blanks near the end.
  const segments = (text) =>
    'Segmenter' in Intl ? [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)].map((s) => s.segment) : [...text]
  const lines = (text, width, limit) => {
    const out = []
    let line = ''
    for (const letter of segments(text.trim())) {
      if (line && ctx.measureText(line + letter).width > width) {
        const blank = line.lastIndexOf(' ')
        const cut = blank > line.length * 0.5 ? blank : line.length
        out.push(line.slice(0, cut).trim())
        line = line.slice(cut).trimStart()
      }
      line += letter
    }
    if (line.trim()) out.push(line.trim())
    if (out.length > limit) {
      out.length = limit
      out[limit - 1] = segments(out[limit - 1]).slice(0, -1).join('') + '…'
    }
    return out
  }

  const family = '"PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", system-ui, sans-serif'

  // write puts centred lines below y and answers where they end. The letters shrink until
  // the text fits.
  const write = (text, y, { size, weight = 400, width, colour, limit = 2 }) => {
    if (!text.trim()) return y
    let fitted
    // One line a little smaller reads better than a last letter alone.
    ctx.font = `${weight} ${size}px ${family}`
    const whole = ctx.measureText(text.trim()).width
    if (whole > width && whole * 0.7 <= width) size *= width / whole
    for (; ; size *= 0.92) {
      ctx.font = `${weight} ${size}px ${family}`
      fitted = lines(text, width, limit + 1)
      if (fitted.length <= limit || size < width / 40) break
    }
    fitted = lines(text, width, limit)
    ctx.fillStyle = colour
    ctx.textAlign = 'center'
    ctx.textBaseline = 'alphabetic'
    for (const line of fitted) {
      ctx.fillText(line, canvas.width / 2, y + size)
      y += size * 1.28
    }
    return y
  }

  const draw = () => {
    const [w, h] = field('size').split('x').map(Number)
    canvas.width = w
    canvas.height = h
    const colour = /^#[0-9a-f]{6}$/i.test(field('colour')) ? field('colour') : '#078049'
    const ink = inkOn(colour)
    ctx.fillStyle = colour
    ctx.fillRect(0, 0, w, h)

    const unit = w / 100
    const panel = Math.round(h * (w / h > 0.6 ? 0.44 : 0.42))
    const top = h - panel - unit * 6
    if (cover) {
      const height = top * 0.55
      const scale = Math.max(w / cover.width, height / cover.height)
      const cw = w / scale
      const ch = height / scale
      ctx.drawImage(cover, (cover.width - cw) / 2, (cover.height - ch) / 2, cw, ch, 0, 0, w, height)
    }

    // Words between the cover and the panel; measured first so that they stand in the middle.
    const words = (y) => {
      y = write(field('brand'), y, { size: unit * 5, width: unit * 84, colour: ink, limit: 1 }) + unit * 2
      y = write(field('headline'), y, { size: unit * (cover ? 12 : 15), weight: 700, width: unit * 86, colour: ink }) + unit * 2
      return write(field('validity'), y, { size: unit * 4, width: unit * 84, colour: ink, limit: 2 })
    }
    const from = cover ? top * 0.55 : 0
    ctx.save()
    ctx.beginPath()
    ctx.rect(0, 0, 0, 0)
    ctx.clip()
    const tall = words(0)
    ctx.restore()
    words(from + Math.max(unit * 3, (top - from - tall) / 2))

    ctx.fillStyle = '#ffffff'
    ctx.beginPath()
    ctx.roundRect(unit * 6, top, w - unit * 12, panel, unit * 4)
    ctx.fill()
    // The code is drawn in whole pixels of its modules, so that no edge is grey.
    const room = Math.min(panel * 0.68, w * 0.62)
    if (code.complete && code.naturalWidth && !broken) {
      const side = code.naturalWidth * Math.max(1, Math.floor(room / code.naturalWidth)) > room ? room : code.naturalWidth * Math.max(1, Math.floor(room / code.naturalWidth))
      ctx.imageSmoothingEnabled = false
      ctx.drawImage(code, Math.round((w - side) / 2), Math.round(top + unit * 3), Math.round(side), Math.round(side))
      ctx.imageSmoothingEnabled = true
      let y = top + unit * 3 + side + unit
      y = write(field('call'), y, { size: unit * 5, weight: 600, width: unit * 78, colour: '#111111', limit: 1 })
      write(field('store'), y + unit * 0.5, { size: unit * 4, width: unit * 78, colour: '#444444', limit: 1 })
    }
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn || 0) + 1)
  }

  // The code comes in the size that the poster needs, so that it is never scaled.
  const load = () => {
    const [w, h] = field('size').split('x').map(Number)
    const panel = h * (w / h > 0.6 ? 0.44 : 0.42)
    const url = new URL(form.dataset.qr, location.href)
    url.searchParams.set('px', String(Math.floor(Math.min(panel * 0.68, w * 0.62))))
    delete canvas.dataset.ready
    code.src = url
  }
  code.addEventListener('load', () => { broken = false; draw(); canvas.dataset.ready = '1' })
  code.addEventListener('error', () => { broken = true; say(form.dataset.errorQr); draw() })

  form.addEventListener('input', (e) => {
    if (e.target.matches('[data-draw="size"]')) load()
    else if (e.target.matches('[data-draw]')) draw()
  })
  form.addEventListener('submit', (e) => e.preventDefault())

  const clear = form.querySelector('[data-poster="clear"]')
  const file = document.getElementById('f-cover')
  const forget = () => {
    cover?.close?.()
    cover = null
    clear.hidden = true
  }
  file.addEventListener('change', async () => {
    say('')
    forget()
    const chosen = file.files[0]
    try {
      if (!chosen) return
      if (!['image/jpeg', 'image/png', 'image/webp'].includes(chosen.type)) throw new Error(form.dataset.errorType)
      if (chosen.size > 20 << 20) throw new Error(form.dataset.errorSize)
      let picture
      try {
        picture = await createImageBitmap(chosen)
      } catch {
        throw new Error(form.dataset.errorRead)
      }
      if (picture.width * picture.height > 50e6) {
        picture.close()
        throw new Error(form.dataset.errorSize)
      }
      cover = picture
      clear.hidden = false
    } catch (e) {
      say(e.message)
      file.value = ''
    } finally {
      draw()
    }
  })
  clear.addEventListener('click', () => { file.value = ''; say(''); forget(); draw() })

  form.querySelector('[data-poster="save"]').addEventListener('click', () => {
    canvas.toBlob((blob) => {
      const link = document.createElement('a')
      link.href = URL.createObjectURL(blob)
      link.download = `${form.dataset.file}-${canvas.width}x${canvas.height}.png`
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 10000)
    }, 'image/png')
  })

  load()
})()
