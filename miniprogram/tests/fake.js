// A server in this process for tests of pages: routes by 'METHOD /path', with the session calls there
// already. A route gives {status, data}, or the data alone, and may throw for a lost answer.
const { createWx } = require('./wx');
const { world } = require('./harness');

const FAR = '2100-01-01T00:00:00Z';
const STAFF = { token: 'S1', expires_at: FAR, staff: { id: 's1', name: '小李', role: 'manager' }, place: { id: '3', name: '国贸店', kind: 'store' }, may: { redeem: true, undo: true, stock: true, summary: true } };

function start(routes = {}, { hands = {}, staff = null, language } = {}) {
  const calls = [];
  const wx = createWx({
    language, hands: { login: () => ({ errMsg: 'login:ok', code: 'c' }), ...hands },
    answer: async (r) => {
      const [path, search = ''] = r.path.replace('https://kaquan.example.com', '').split('?');
      if (path === '/mini/v1/session') return { status: 201, data: { token: 'T', expires_at: FAR } };
      const call = { ...r, path, query: Object.fromEntries(new URLSearchParams(search)) };
      calls.push(call);
      const route = routes[`${r.method} ${path}`];
      if (!route) return { status: 404, data: { code: 'api.not_found', message: `no route ${r.method} ${path}` } };
      const out = await route(call);
      return out && out.status ? out : { status: 200, data: out === undefined ? {} : out };
    },
  });
  const app = world(wx);
  if (staff) app.staff.write(staff === true ? STAFF : staff);
  const count = (what) => calls.filter((c) => `${c.method} ${c.path}` === what).length;
  const last = (what) => calls.filter((c) => `${c.method} ${c.path}` === what).pop();
  return { wx, app, calls, count, last, routes };
}

const refuse = (status, code, message, more = {}) => ({ status, data: { code, message, ...more } });

module.exports = { start, refuse, STAFF, FAR };
