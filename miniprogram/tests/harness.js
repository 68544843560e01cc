// Pages without WeChat: a page's file is loaded with a Page() that keeps it, and drawn into
// nothing; setData understands the paths that pages use. The app is the real app.js.
const path = require('node:path');
const { createApi } = require('../lib/api');

const ROOT = path.join(__dirname, '..');

function fresh(file) {
  const full = require.resolve(path.join(ROOT, file));
  delete require.cache[full];
  require(full);
}

// put writes 'a.b[0].c' into an object.
function put(target, where, value) {
  const steps = where.replace(/\[(\d+)\]/g, '.$1').split('.');
  const last = steps.pop();
  let at = target;
  for (const s of steps) at = at[s] = at[s] === undefined || at[s] === null ? {} : at[s];
  at[last] = value;
}

// world starts app.js with a wx; tests in one file run one after another, so globals are theirs.
function world(wx, server = '') {
  let made;
  global.wx = wx;
  global.App = (o) => { made = o; };
  global.getApp = () => made;
  const config = require('../config');
  config.server = server || 'https://kaquan.example.com';
  fresh('app.js');
  made.onLaunch();
  made.api = createApi({ wx, server: config.server, staff: made.staff, language: () => made.texts.language, sleep: async () => {} }); // repeats need not wait here
  return made;
}

// open loads a page and runs onLoad and onShow.
async function open(file, query = {}) {
  let made;
  global.Page = (o) => { made = o; };
  fresh(file);
  const page = Object.create(null);
  for (const k of Object.keys(made)) page[k] = typeof made[k] === 'function' ? made[k].bind(page) : made[k];
  page.data = structuredClone(made.data);
  page.setData = (fields, done) => {
    for (const k of Object.keys(fields)) {
      if (fields[k] === undefined) throw new Error(`setData: ${k} is undefined, which WeChat refuses`);
      put(page.data, k, structuredClone(fields[k]));
    }
    done?.();
  };
  await page.onLoad?.(query);
  await page.onShow?.();
  return page;
}

// tap is an event as WeChat hands it over.
const tap = (dataset = {}, detail = {}) => ({ currentTarget: { dataset }, target: { dataset }, detail });

// until waits for something that a page does by itself.
async function until(what, ms = 2000) {
  const end = Date.now() + ms;
  while (!what()) {
    if (Date.now() > end) throw new Error('it did not happen: ' + what);
    await new Promise((done) => setTimeout(done, 2));
  }
}

module.exports = { world, open, tap, until, ROOT };
