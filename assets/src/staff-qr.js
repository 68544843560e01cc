// Reads QR codes (ISO/IEC 18004, versions 1 to 10) out of a picture, for browsers without a
// detector of their own. KaquanQR.decode(rgba, width, height) gives the text or ''.
(() => {
  'use strict'

  // Arithmetic in GF(256) with the polynomial 0x11d.
  const exp = new Uint8Array(512)
  const log = new Uint8Array(256)
  for (let i = 0, x = 1; i < 255; i++) {
    exp[i] = exp[i + 255] = x
    log[x] = i
    x <<= 1
    if (x & 256) x ^= 0x11d
  }
  const times = (a, b) => (a && b ? exp[log[a] + log[b]] : 0)
  const over = (a, b) => (a ? exp[log[a] + 255 - log[b]] : 0)
  const evaluate = (poly, x) => poly.reduce((sum, c) => times(sum, x) ^ c, 0) // the highest power first

  // correct repairs a block in place; false when too much is wrong.
  function correct(block, check) {
    const syndromes = []
    let clean = true
    for (let i = 0; i < check; i++) {
      syndromes.push(evaluate([...block], exp[i]))
      if (syndromes[i]) clean = false
    }
    if (clean) return true
    // Berlekamp-Massey; the lowest power first.
    let locator = [1]
    let before = [1]
    let length = 0
    let shift = 1
    let scale = 1
    for (let n = 0; n < check; n++) {
      let gap = syndromes[n]
      for (let i = 1; i <= length; i++) gap ^= times(locator[i] || 0, syndromes[n - i])
      if (!gap) { shift++; continue }
      const next = locator.slice()
      const factor = over(gap, scale)
      for (let i = 0; i < before.length; i++) next[i + shift] = (next[i + shift] || 0) ^ times(factor, before[i])
      for (let i = 0; i < next.length; i++) next[i] = next[i] || 0
      if (2 * length <= n) { before = locator; length = n + 1 - length; scale = gap; shift = 1 } else shift++
      locator = next
    }
    if (2 * length > check) return false
    const at = (poly, x) => { let sum = 0; for (let i = poly.length - 1; i >= 0; i--) sum = times(sum, x) ^ poly[i]; return sum }
    const omega = []
    for (let i = 0; i < check; i++) {
      let sum = 0
      for (let j = 0; j <= i && j < locator.length; j++) sum ^= times(locator[j], syndromes[i - j])
      omega.push(sum)
    }
    let found = 0
    for (let place = 0; place < block.length; place++) {
      const inverse = exp[(255 - place) % 255]
      if (at(locator, inverse)) continue
      let slope = 0
      for (let i = 1; i < locator.length; i += 2) slope ^= times(locator[i], power(inverse, i - 1))
      if (!slope) return false
      block[block.length - 1 - place] ^= times(exp[place], over(at(omega, inverse), slope))
      found++
    }
    if (found !== length) return false
    for (let i = 0; i < check; i++) if (evaluate([...block], exp[i])) return false
    return true
  }
  const power = (x, n) => (n ? exp[(log[x] * n) % 255] : 1)

  // By version: all code words, then for L, M, Q, H the correction words of a block and the
  // number of blocks; and where the alignment patterns are.
  const versions = [
    [26, [7, 1], [10, 1], [13, 1], [17, 1]],
    [44, [10, 1], [16, 1], [22, 1], [28, 1]],
    [70, [15, 1], [26, 1], [18, 2], [22, 2]],
    [100, [20, 1], [18, 2], [26, 2], [16, 4]],
    [134, [26, 1], [24, 2], [18, 4], [22, 4]],
    [172, [18, 2], [16, 4], [24, 4], [28, 4]],
    [196, [20, 2], [18, 4], [18, 6], [26, 5]],
    [242, [24, 2], [22, 4], [22, 6], [26, 6]],
    [292, [30, 2], [22, 5], [20, 8], [24, 8]],
    [346, [18, 4], [26, 5], [24, 8], [28, 8]],
  ]
  const aligned = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]
  const levels = [2, 1, 4, 3] // of the two bits in the format: M, L, H, Q
  const masks = [
    (y, x) => (y + x) % 2, (y) => y % 2, (y, x) => x % 3, (y, x) => (y + x) % 3,
    (y, x) => ((y >> 1) + Math.floor(x / 3)) % 2, (y, x) => ((y * x) % 2) + ((y * x) % 3),
    (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2, (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2,
  ]
  const formats = []
  for (let n = 0; n < 32; n++) {
    let rest = n << 10
    for (let bit = 14; bit >= 10; bit--) if (rest >> bit & 1) rest ^= 0x537 << (bit - 10)
    formats.push(((n << 10) | rest) ^ 0x5412)
  }
  const ones = (n) => { let sum = 0; for (; n; n &= n - 1) sum++; return sum }

  // format reads both copies of the format and takes the nearest that exists.
  function format(grid, n) {
    let one = 0
    let two = 0
    for (let i = 0; i < 15; i++) {
      const [y, x] = i < 6 ? [8, i] : i === 6 ? [8, 7] : i === 7 ? [8, 8] : i === 8 ? [7, 8] : [14 - i, 8]
      one = one << 1 | grid[y][x]
      two = two << 1 | (i < 7 ? grid[n - 1 - i][8] : grid[8][n - 15 + i])
    }
    let best = 4
    let found = -1
    formats.forEach((known, i) => {
      const wrong = Math.min(ones(known ^ one), ones(known ^ two))
      if (wrong < best) { best = wrong; found = i }
    })
    return found
  }

  function reserved(version, n, y, x) {
    if ((y < 9 && x < 9) || (y < 9 && x >= n - 8) || (y >= n - 8 && x < 9) || x === 6 || y === 6) return true
    if (version >= 7 && ((y < 6 && x >= n - 11) || (x < 6 && y >= n - 11))) return true
    const at = aligned[version - 1]
    const last = at.length - 1
    return at.some((ay, i) => at.some((ax, j) => !((!i && !j) || (!i && j === last) || (i === last && !j)) && Math.abs(y - ay) < 3 && Math.abs(x - ax) < 3))
  }

  function readGrid(grid) {
    const n = grid.length
    const version = (n - 17) / 4
    const [total, ...kinds] = versions[version - 1]
    const kind = format(grid, n)
    if (kind < 0) return ''
    const [check, count] = kinds[levels[kind >> 3] - 1]
    const mask = masks[kind & 7]
    const words = new Uint8Array(total)
    let bit = 0
    let upward = true
    for (let x = n - 1; x > 0; x -= 2) {
      if (x === 6) x--
      for (let i = 0; i < n; i++) {
        const y = upward ? n - 1 - i : i
        for (const column of [x, x - 1]) {
          if (reserved(version, n, y, column)) continue
          if (bit < total * 8 && grid[y][column] ^ (mask(y, column) === 0 ? 1 : 0)) words[bit >> 3] |= 0x80 >> (bit & 7)
          bit++
        }
      }
      upward = !upward
    }
    // The blocks take their words in turns; the longer ones come last.
    const size = Math.floor(total / count) - check
    const longer = total % count
    const blocks = Array.from({ length: count }, (_, i) => new Uint8Array(size + check + (i >= count - longer ? 1 : 0)))
    let next = 0
    for (let i = 0; i <= size; i++) blocks.forEach((block) => { if (i < block.length - check) block[i] = words[next++] })
    for (let i = 0; i < check; i++) blocks.forEach((block) => { block[block.length - check + i] = words[next++] })
    const stream = []
    for (const block of blocks) {
      if (!correct(block, check)) return ''
      stream.push(...block.subarray(0, block.length - check))
    }
    return segments(stream, version)
  }

  const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'
  function segments(stream, version) {
    let at = 0
    const left = () => stream.length * 8 - at
    const take = (n) => { let value = 0; for (; n; n--, at++) value = value << 1 | (stream[at >> 3] >> (7 - (at & 7)) & 1); return value }
    const wide = version >= 10
    let text = ''
    while (left() >= 4) {
      const mode = take(4)
      if (mode === 0) break
      if (mode === 7) { take(8); continue }
      if (mode === 1) {
        let count = take(wide ? 12 : 10)
        for (; count >= 3; count -= 3) text += String(take(10)).padStart(3, '0')
        if (count) text += String(take(count === 2 ? 7 : 4)).padStart(count, '0')
      } else if (mode === 2) {
        let count = take(wide ? 11 : 9)
        for (; count >= 2; count -= 2) { const pair = take(11); text += letters[Math.floor(pair / 45)] + letters[pair % 45] }
        if (count) text += letters[take(6)]
      } else if (mode === 4) {
        const raw = new Uint8Array(take(wide ? 16 : 8))
        if (raw.length * 8 > left()) return ''
        for (let i = 0; i < raw.length; i++) raw[i] = take(8)
        text += new TextDecoder().decode(raw)
      } else return ''
    }
    return text
  }

  // binary tells dark from light by the mean around each pixel.
  function binary(rgba, width, height) {
    const grey = new Uint8Array(width * height)
    for (let i = 0; i < grey.length; i++) grey[i] = (rgba[4 * i] * 77 + rgba[4 * i + 1] * 151 + rgba[4 * i + 2] * 28) >> 8
    const sums = new Float64Array((width + 1) * (height + 1))
    for (let y = 0; y < height; y++) {
      let row = 0
      for (let x = 0; x < width; x++) {
        row += grey[y * width + x]
        sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row
      }
    }
    const radius = Math.max(8, Math.min(width, height) >> 3)
    const dark = new Uint8Array(width * height)
    for (let y = 0; y < height; y++) {
      const top = Math.max(0, y - radius)
      const bottom = Math.min(height, y + radius + 1)
      for (let x = 0; x < width; x++) {
        const from = Math.max(0, x - radius)
        const to = Math.min(width, x + radius + 1)
        const sum = sums[bottom * (width + 1) + to] - sums[top * (width + 1) + to] - sums[bottom * (width + 1) + from] + sums[top * (width + 1) + from]
        dark[y * width + x] = grey[y * width + x] < sum / ((bottom - top) * (to - from)) - 4 ? 1 : 0
      }
    }
    return (x, y) => (x >= 0 && y >= 0 && x < width && y < height ? dark[(y | 0) * width + (x | 0)] : 0)
  }

  // ratio reports whether five runs are 1:1:3:1:1 and gives the size of a module.
  function ratio(runs) {
    const sum = runs[0] + runs[1] + runs[2] + runs[3] + runs[4]
    const module = sum / 7
    if (sum < 7) return 0
    const slack = module * 0.7
    return [1, 1, 3, 1, 1].every((want, i) => Math.abs(runs[i] - want * module) < slack * (want === 3 ? 2 : 1)) ? module : 0
  }
  // across measures the five runs through a point in a direction: the middle of the inner
  // one and the size of a module, or nothing.
  function across(dark, x, y, dx, dy, limit) {
    const runs = [0, 0, 0, 0, 0]
    const walk = (sign, order, skip) => {
      let step = skip
      for (const [slot, want] of order) {
        for (let n = 0; dark(x + sign * dx * step, y + sign * dy * step) === want; n++, step++) {
          if (n > limit) return false
          runs[slot]++
        }
      }
      return true
    }
    if (!dark(x, y)) return null
    if (!walk(-1, [[2, 1], [1, 0], [0, 1]], 0)) return null
    const back = runs[2]
    if (!walk(1, [[2, 1], [3, 0], [4, 1]], 1)) return null
    const module = ratio(runs)
    const move = (runs[2] - 2 * back + 1) / 2
    return module ? { x: x + dx * move, y: y + dy * move, module } : null
  }

  function finders(dark, width, height) {
    const list = []
    const step = Math.max(1, Math.floor(Math.min(width, height) / 320))
    for (let y = 0; y < height; y += step) {
      const runs = [0, 0, 0, 0, 0]
      let colour = 0
      for (let x = 0; x <= width; x++) {
        const now = x < width ? dark(x, y) : 1 - colour
        if (now === colour) { runs[4]++; continue }
        const module = colour ? ratio(runs) : 0
        if (module) {
          const middle = x - runs[4] - runs[3] - runs[2] / 2
          const limit = module * 5
          const down = across(dark, Math.floor(middle), y, 0, 1, limit)
          const flat = down && across(dark, Math.floor(middle), Math.round(down.y), 1, 0, limit)
          if (flat) note(list, { x: flat.x + 0.5, y: down.y + 0.5, module: (flat.module + down.module) / 2 })
        }
        runs.shift()
        runs.push(1)
        colour = now
      }
    }
    return list.sort((a, b) => b.seen - a.seen).slice(0, 12)
  }
  function note(list, p) {
    const near = list.find((q) => Math.hypot(q.x - p.x, q.y - p.y) < q.module * 2)
    if (!near) { list.push({ ...p, seen: 1 }); return }
    for (const k of ['x', 'y', 'module']) near[k] = (near[k] * near.seen + p[k]) / (near.seen + 1)
    near.seen++
  }

  // corners are the triples that look like a code: the corner between the other two, the one
  // to the right, the one below.
  function corners(list) {
    const triples = []
    for (let i = 0; i < list.length; i++) {
      for (let j = 0; j < list.length; j++) {
        for (let k = j + 1; k < list.length; k++) {
          if (i === j || i === k) continue
          const [a, b, c] = [list[i], list[j], list[k]]
          const sizes = [a.module, b.module, c.module]
          if (Math.max(...sizes) > 1.6 * Math.min(...sizes)) continue
          const ab = Math.hypot(b.x - a.x, b.y - a.y)
          const ac = Math.hypot(c.x - a.x, c.y - a.y)
          const turn = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
          const slant = Math.abs(((b.x - a.x) * (c.x - a.x) + (b.y - a.y) * (c.y - a.y)) / (ab * ac))
          const odd = Math.abs(ab - ac) / Math.max(ab, ac) + slant
          if (odd > 0.7) continue
          triples.push({ odd, points: turn > 0 ? [a, b, c] : [a, c, b] })
        }
      }
    }
    return triples.sort((p, q) => p.odd - q.odd).slice(0, 8)
  }

  // plane maps the modules of the grid to the picture by four points that are known in both.
  function plane(from, to) {
    const rows = []
    from.forEach(([u, v], i) => {
      const [x, y] = to[i]
      rows.push([u, v, 1, 0, 0, 0, -u * x, -v * x, x], [0, 0, 0, u, v, 1, -u * y, -v * y, y])
    })
    for (let i = 0; i < 8; i++) {
      let pivot = i
      for (let j = i + 1; j < 8; j++) if (Math.abs(rows[j][i]) > Math.abs(rows[pivot][i])) pivot = j
      if (Math.abs(rows[pivot][i]) < 1e-9) return null
      ;[rows[i], rows[pivot]] = [rows[pivot], rows[i]]
      for (let j = 0; j < 8; j++) {
        if (j === i) continue
        const factor = rows[j][i] / rows[i][i]
        for (let k = i; k < 9; k++) rows[j][k] -= factor * rows[i][k]
      }
    }
    const h = rows.map((row, i) => row[8] / row[i])
    return (u, v) => { const w = h[6] * u + h[7] * v + 1; return [(h[0] * u + h[1] * v + h[2]) / w, (h[3] * u + h[4] * v + h[5]) / w] }
  }

  // alignment looks for the small square near where it should be: a dark dot in a light
  // ring in a dark one.
  function alignment(dark, x, y, right, down) {
    let best = 7
    let found = null
    const reach = 5
    for (let i = -reach; i <= reach; i += 0.5) {
      for (let j = -reach; j <= reach; j += 0.5) {
        const cx = x + (right[0] * i + down[0] * j)
        const cy = y + (right[1] * i + down[1] * j)
        let wrong = 0
        for (let u = -2; u <= 2 && wrong < best; u++) {
          for (let v = -2; v <= 2; v++) {
            const want = Math.max(Math.abs(u), Math.abs(v)) === 1 ? 0 : 1
            if (dark(Math.round(cx + right[0] * u + down[0] * v), Math.round(cy + right[1] * u + down[1] * v)) !== want) wrong++
          }
        }
        const score = wrong + (Math.abs(i) + Math.abs(j)) * 0.02
        if (score < best) { best = score; found = [cx, cy] }
      }
    }
    return found
  }

  function attempt(dark, [a, b, c]) {
    const module = (a.module + b.module + c.module) / 3
    const guess = ((Math.hypot(b.x - a.x, b.y - a.y) + Math.hypot(c.x - a.x, c.y - a.y)) / 2 / module + 7 - 17) / 4
    // Measured across a slanted code modules look larger than they are, so the guess is a
    // beginning only.
    const order = versions.map((_, i) => i + 1).sort((p, q) => Math.abs(p - guess) - Math.abs(q - guess))
    for (const version of order) {
      const n = 17 + 4 * version
      const right = [(b.x - a.x) / (n - 7), (b.y - a.y) / (n - 7)]
      const down = [(c.x - a.x) / (n - 7), (c.y - a.y) / (n - 7)]
      const known = [[3.5, 3.5], [n - 3.5, 3.5], [3.5, n - 3.5]]
      const seen = [[a.x, a.y], [b.x, b.y], [c.x, c.y]]
      const ends = []
      if (version > 1) {
        const p = alignment(dark, a.x + (right[0] + down[0]) * (n - 10), a.y + (right[1] + down[1]) * (n - 10), right, down)
        if (p) ends.push([[n - 6.5, n - 6.5], p])
      }
      // Seen at an angle the fourth corner is not where a straight view has it.
      for (const [i, j] of nudges) {
        ends.push([[n - 3.5, n - 3.5], [b.x + c.x - a.x + right[0] * i + down[0] * j, b.y + c.y - a.y + right[1] * i + down[1] * j]])
        if (version > 1) break
      }
      for (const [where, point] of ends) {
        const map = plane([...known, where], [...seen, point])
        if (!map || !timed(dark, map, n)) continue
        const grid = Array.from({ length: n }, (_, y) => Array.from({ length: n }, (_, x) => { const [px, py] = map(x + 0.5, y + 0.5); return dark(Math.floor(px), Math.floor(py)) }))
        const text = readGrid(grid)
        if (text) return text
      }
    }
    return ''
  }

  const nudges = []
  for (let i = -4; i <= 4; i++) for (let j = -4; j <= 4; j++) nudges.push([i, j])
  nudges.sort((p, q) => Math.hypot(...p) - Math.hypot(...q))

  // timed reports whether the two lines of alternating modules are where they belong.
  function timed(dark, map, n) {
    let wrong = 0
    for (let i = 8; i < n - 8; i++) {
      for (const [x, y] of [[i, 6], [6, i]]) {
        const [px, py] = map(x + 0.5, y + 0.5)
        if (dark(Math.floor(px), Math.floor(py)) !== (i + 1) % 2) wrong++
      }
    }
    return wrong <= (n - 16) * 0.5
  }

  function decode(rgba, width, height) {
    const dark = binary(rgba, width, height)
    for (const { points } of corners(finders(dark, width, height))) {
      const text = attempt(dark, points)
      if (text) return text
    }
    return ''
  }

  const api = { decode }
  if (typeof window !== 'undefined') window.KaquanQR = api
  else globalThis.KaquanQR = api
})()
