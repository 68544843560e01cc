// What every page does alike: words for its template, errors in words, small questions.

// words puts the texts into a page and gives the function that fills places in them.
function words(page) {
  const { texts } = getApp();
  page.setData({ t: texts.all });
  return texts.t;
}

// explain is an error as a sentence for people, with the code that support asks for.
function explain(e) {
  const { t } = getApp().texts;
  if (e.network) return t('network');
  const text = e.message && e.message !== e.code ? e.message : t('failed');
  return e.support && !text.includes(e.support) ? `${text} ${t('support', { code: e.support })}` : text;
}

// tell shows a sentence for a moment.
function tell(title) {
  wx.showToast({ title, icon: 'none', duration: 2500 });
}

// ask is a question with yes and no.
function ask(title, content, confirmText) {
  const { t } = getApp().texts;
  return new Promise((done) => wx.showModal({
    title, content, confirmText: confirmText || t('ok'), cancelText: t('cancel'), success: (r) => done(Boolean(r.confirm)), fail: () => done(false),
  }));
}

// prompt is a question with one line to write; null when the person gives up.
function prompt(title, placeholderText) {
  const { t } = getApp().texts;
  return new Promise((done) => wx.showModal({
    title, editable: true, placeholderText, confirmText: t('ok'), cancelText: t('cancel'),
    success: (r) => done(r.confirm ? String(r.content || '').trim() : null), fail: () => done(null),
  }));
}

// busy runs a job while the page's `busy` is set, so that no button works twice; an error becomes a
// sentence. It gives what the job gives, or undefined.
async function busy(page, job) {
  if (page.data.busy) return undefined;
  page.setData({ busy: true });
  try {
    return await job();
  } catch (e) {
    tell(explain(e));
    return undefined;
  } finally {
    page.setData({ busy: false });
  }
}

// guard is the staff session, or a way to the door: null when nobody is signed in.
function guard() {
  const s = getApp().staff.read();
  if (!s) wx.redirectTo({ url: '/staff/signin/signin' });
  return s;
}

// gone sends to the door when the session ended, and tells anything else.
function gone(e) {
  if (e.status === 401) wx.redirectTo({ url: '/staff/signin/signin' });
  else tell(explain(e));
}

module.exports = { words, explain, tell, ask, prompt, busy, guard, gone };
