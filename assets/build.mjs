// Fills dist/ with the front-end files: the named files of npm packages, everything in src/,
// licences, precompressed copies, and a manifest, written last. Needs nothing but Node.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const root = dirname(fileURLToPath(import.meta.url))
const dist = join(root, 'dist')

// What is taken from each package, and under which name.
const packages = {
  'htmx.org': { 'dist/htmx.min.js': 'htmx.min.js' },
  '@tabler/core': { 'dist/css/tabler.min.css': 'tabler.min.css' },
  weui: { 'dist/style/weui.min.css': 'weui.min.css' },
  'weixin-js-sdk': { 'index.js': 'sandbox/jweixin.js' },
}

// The JS-SDK package is written for bundlers: it exports and leaves window alone.
const asScript = (code) =>
  `(function(){var module={exports:{}};\n${code}\nwindow.wx=window.jWeixin=module.exports;})();\n`

const files = new Map() // name in dist -> content
const manifest = []

function add(name, content, owner) {
  if (files.has(name)) throw new Error(`two sources for dist/${name}`)
  files.set(name, content)
  manifest.push({ name, ...owner, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') })
  if (!/\.(css|js|svg|txt|webmanifest)$/.test(name) || name.startsWith('sandbox/')) return
  const packed = {
    gz: gzipSync(content, { level: 9 }),
    br: brotliCompressSync(content, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
  }
  for (const [ending, body] of Object.entries(packed)) {
    if (body.length < content.length) files.set(`${name}.${ending}`, body)
  }
}

function walk(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.'))
    .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort()
}

function packageFile(name, file) {
  const path = join(root, 'node_modules', name, file)
  if (!existsSync(path)) throw new Error(`${name} has no ${file}: run npm ci --prefix assets first`)
  return readFileSync(path, 'utf8')
}

// A package without a licence file names MIT and its owners in a banner; the terms are the same
// words as in any other MIT package of ours.
function licence(name, taken) {
  const folder = join(root, 'node_modules', name)
  const file = readdirSync(folder).find((f) => /^licen[cs]e(\.\w+)?$/i.test(f))
  if (file) return readFileSync(join(folder, file), 'utf8')
  const owners = taken[0].match(/Copyright .*$/gm)
  const terms = packageFile('weixin-js-sdk', 'LICENSE').match(/Permission is hereby granted[\s\S]*/)
  const kind = JSON.parse(packageFile(name, 'package.json')).license
  if (kind !== 'MIT' || !owners || !terms) throw new Error(`no licence text for ${name}`)
  return `MIT License\n\n${owners.join('\n')}\n\n${terms[0]}`
}

const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies
for (const [name, wanted] of Object.entries(packages)) {
  const { version } = JSON.parse(packageFile(name, 'package.json'))
  if (version !== pinned[name]) throw new Error(`${name} is ${version}, not ${pinned[name]}: run npm ci --prefix assets`)
  const taken = []
  for (const [from, to] of Object.entries(wanted)) {
    // The maps stay behind, so the pointer to them would be a 404 in every developer tool.
    let text = packageFile(name, from).replace(/\s*(\/\*|\/\/)# sourceMappingURL=[^\n]*\s*$/, '\n')
    taken.push(text)
    if (to === 'sandbox/jweixin.js') text = asScript(text)
    add(to, Buffer.from(text), { package: name, version })
  }
  add(`licences/${name.replace(/^@/, '').replace('/', '-')}.txt`, Buffer.from(licence(name, taken)), { package: name, version })
}
for (const path of walk(join(root, 'src'))) {
  add(relative(join(root, 'src'), path).split(sep).join('/'), readFileSync(path), { package: 'kaquan' })
}

// Only differences are written, so that a running build never embeds half a folder.
manifest.sort((a, b) => (a.name < b.name ? -1 : 1))
files.set('manifest.json', Buffer.from(JSON.stringify({ files: manifest }, null, 2) + '\n'))
for (const path of walk(dist)) {
  if (!files.has(relative(dist, path).split(sep).join('/'))) rmSync(path)
}
let written = 0
for (const [name, content] of files) {
  const path = join(dist, name)
  if (existsSync(path) && readFileSync(path).equals(content)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  written++
}
console.log(`assets: ${manifest.length} files in dist, ${written} written with their copies`)
