// The words of both languages. Keys are the same in both; Chinese is the reference.
const zh = require('./zh');
const en = require('./en');

function texts(language) {
  const all = String(language).startsWith('en') ? en : zh;
  const t = (key, args) => String(all[key] === undefined ? key : all[key]).replace(/\{(\w+)\}/g, (_, name) => (args && args[name] !== undefined ? args[name] : ''));
  return { all, t, language: all === en ? 'en' : 'zh' };
}

module.exports = texts;
