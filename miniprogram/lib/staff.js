// The staff session on this phone: who works where, until when, and what they may do.
const KEY = 'kaquan.staff';

function createStaff({ wx, now = Date.now }) {
  function read() {
    const s = wx.getStorageSync(KEY);
    return s && s.token && Date.parse(s.expires_at) > now() ? s : null;
  }
  return {
    read,
    write: (s) => wx.setStorageSync(KEY, s),
    clear: () => wx.removeStorageSync(KEY),
    token: () => (read() || {}).token || '',
    may: (what) => Boolean(((read() || {}).may || {})[what]),
  };
}

module.exports = { createStaff };
