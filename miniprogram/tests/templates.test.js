const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT } = require('./harness');
const zh = require('../texts/zh');
const en = require('../texts/en');

const app = JSON.parse(fs.readFileSync(path.join(ROOT, 'app.json'), 'utf8'));
const PAGES = [...app.pages, ...app.subPackages.flatMap((s) => s.pages.map((p) => `${s.root}/${p}`))];
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const sources = ['lib', 'texts', 'pages', 'staff', 'stock'].flatMap((dir) => fs.readdirSync(path.join(ROOT, dir), { recursive: true }).filter((f) => f.endsWith('.js')).map((f) => `${dir}/${f}`)).concat('app.js');

test('every page has its four files, and no page is forgotten', () => {
  for (const page of PAGES) for (const ext of ['js', 'json', 'wxml', 'wxss']) assert.ok(fs.existsSync(path.join(ROOT, `${page}.${ext}`)), `${page}.${ext}`);
  const found = ['pages', 'staff', 'stock'].flatMap((dir) => fs.readdirSync(path.join(ROOT, dir), { recursive: true }).filter((f) => f.endsWith('.wxml')).map((f) => `${dir}/${f.slice(0, -5)}`));
  assert.deepEqual(found.sort(), [...PAGES].sort());
});

test('both languages have the same keys and the same places to fill', () => {
  assert.deepEqual(Object.keys(en).sort(), Object.keys(zh).sort());
  const places = (s) => (s.match(/\{\w+\}/g) || []).sort().join();
  for (const k of Object.keys(zh)) assert.equal(places(en[k]), places(zh[k]), k);
});

test('every text that is asked for exists, and every text is asked for', () => {
  const code = sources.filter((f) => !f.startsWith('texts/')).map(read).join('\n');
  const asked = new Set();
  for (const page of PAGES) for (const m of read(`${page}.wxml`).matchAll(/\bt\.(\w+)/g)) asked.add(m[1]);
  for (const m of code.matchAll(/\bt\('([a-z_]+)'\s*[,)]/g)) asked.add(m[1]);
  for (const k of asked) assert.notEqual(zh[k], undefined, `no text for ${k}`);
  const quoted = new Set([...code.matchAll(/'([a-z_]+)'/g)].map((m) => m[1])); // chosen by a condition
  const made = /^(st|act|k)_/; // made of a state or a kind
  for (const k of Object.keys(zh)) assert.ok(asked.has(k) || quoted.has(k) || made.test(k), `nobody asks for ${k}`);
  for (const state of ['held', 'opened', 'reported', 'confirmed', 'redeemed', 'gifted', 'deleted', 'expired', 'voided', 'released']) assert.ok(zh['st_' + state], state);
  for (const kind of ['in', 'out', 'move', 'transfer_out', 'transfer_in', 'count', 'redeem', 'undo']) assert.ok(zh['k_' + kind], kind);
});

test('templates are well formed, and their handlers and data exist', () => {
  for (const page of PAGES) {
    const wxml = read(`${page}.wxml`);
    const js = read(`${page}.js`);
    const open = [];
    for (const m of wxml.matchAll(/<(\/?)([a-z-]+)((?:"[^"]*"|[^>"])*?)(\/?)>/g)) {
      const [, close, name, attributes, self] = m;
      if (close) assert.equal(open.pop(), name, `${page}: </${name}>`);
      else if (!self) open.push(name);
      for (const h of attributes.matchAll(/\b(?:bind|catch):?([a-z]+)="(\w+)"/g)) assert.match(js, new RegExp(`^  (async )?${h[2]}\\(`, 'm'), `${page}: ${h[0]}`);
      if (/wx:for=/.test(attributes)) assert.match(attributes, /wx:key=/, `${page}: a list without wx:key`);
      if (name === 'button' && !close && /\bbindtap=|open-type=|form-type=|catchtap=/.test(attributes) === false) assert.fail(`${page}: a button that does nothing: ${m[0]}`);
      if (name === 'input' && !close) assert.match(attributes, /aria-label=/, `${page}: an input without a name`);
      for (const e of attributes.matchAll(/\{\{([^}]*)\}\}/g)) check(page, js, e[1], wxml);
    }
    assert.deepEqual(open, [], `${page}: left open`);
    for (const m of wxml.replace(/<[^>]*>/g, '').matchAll(/\{\{([^}]*)\}\}/g)) check(page, js, m[1], wxml);
    assert.doesNotMatch(wxml.replace(/\{\{[^}]*\}\}/g, '').replace(/<[^>]*>/g, ''), /[\u4e00-\u9fff]/, `${page}: words in the template`);
  }
});

// check looks for the names of an expression in the page's data.
function check(page, js, expression, wxml) {
  const bare = expression.replace(/'[^']*'/g, '').replace(/\.\w+/g, '');
  for (const [name] of bare.matchAll(/[A-Za-z]\w*/g)) {
    if (['item', 'true', 'false'].includes(name)) continue;
    assert.match(js, new RegExp(`\\b${name}\\b\\s*[:,}]`), `${page}: nothing sets ${name} in {{${expression}}} of ${wxml.length}`);
  }
}

test('sources have no words of their own and nothing that a phone lacks', () => {
  for (const f of sources.filter((f) => !f.startsWith('texts/'))) {
    const code = read(f).replace(/\/\/.*$/gm, '');
    assert.doesNotMatch(code.replace(/const PROVINCES = .*|const PLATE = .*/g, '').replace(/[　￥]/g, ''), /[\u4e00-\u9fff]/, f);
    assert.doesNotMatch(code, /console\.|\bfetch\(|require\('[^.]|\bprocess\b|\beval\b|new Function/, f);
  }
});

test('the project opens without a registered AppID and asks for https', () => {
  const project = JSON.parse(read('project.config.json'));
  assert.equal(project.appid, 'touristappid');
  assert.match(require('../config').server, /^https:\/\/[^/]+$/);
  assert.deepEqual(project.packOptions.ignore.map((i) => i.value), ['tests', 'README.md']);
});
