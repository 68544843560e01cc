const { clean } = require('../../lib/form');
const ui = require('../../lib/page');

const QUOTA = 1400001; // the owner has no more phone numbers to ask for

Page({
  data: { t: {}, me: null, problem: '', ref: '', account: '', nickname: '', busy: false, staff: false },

  onShow() {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('me') });
    this.setData({ staff: Boolean(getApp().staff.read()) });
    return this.load();
  },

  async load() {
    try {
      this.show(await getApp().api.get('/mini/v1/me'));
    } catch (e) {
      this.setData({ problem: ui.explain(e) });
    }
  },

  show(me) {
    this.setData({ me, problem: '', nickname: me.nickname, ref: this.t('ref', me), account: me.account_name ? this.t('account', { name: me.account_name }) : '' });
  },

  run(job) {
    return ui.busy(this, job);
  },

  onAvatar(e) {
    const path = e.detail.avatarUrl;
    if (!path) return undefined;
    return this.run(async () => {
      this.show(await getApp().api.upload('/mini/v1/me/avatar', path, 'avatar'));
      ui.tell(this.t('saved'));
    });
  },

  // onNickname runs on submit, not on blur: WeChat checks the name after the blur and may clear it.
  onNickname(e) {
    const nickname = clean(e.detail.value.nickname);
    if (nickname === this.data.me.nickname) return undefined;
    return this.run(async () => {
      this.show(await getApp().api.put('/mini/v1/me', { nickname }));
      ui.tell(this.t('saved'));
    });
  },

  onPhone(e) {
    if (e.detail.errno === QUOTA) return ui.tell(this.t('phone_quota'));
    if (!e.detail.code) return ui.tell(this.t('phone_refused'));
    return this.run(async () => {
      this.show(await getApp().api.post('/mini/v1/me/phone', { code: e.detail.code }));
      ui.tell(this.t('saved'));
    });
  },

  onPrivacy() {
    wx.openPrivacyContract({ fail: () => {} });
  },

  onExport() {
    return this.run(async () => {
      const all = await getApp().api.get('/mini/v1/me/export');
      await new Promise((done, fail) => wx.setClipboardData({ data: JSON.stringify(all, null, 2), success: done, fail: (e) => fail(new Error(e.errMsg)) }));
      ui.tell(this.t('export_done'));
    });
  },

  // onErase asks for the word in the reader's language; nothing of the person stays on the phone either.
  async onErase() {
    const word = await ui.prompt(this.t('erase'), this.t('erase_body'));
    if (word === null) return;
    if (word !== this.t('erase_word')) {
      ui.tell(this.t('erase_wrong'));
      return;
    }
    await this.run(async () => {
      const app = getApp();
      await app.api.del('/mini/v1/me', { confirm: 'DELETE' });
      app.api.session.clear();
      wx.removeStorageSync('kaquan.cards');
      this.setData({ me: null });
      ui.tell(this.t('erased'));
    });
  },

  onLanguage() {
    const app = getApp();
    app.choose(app.texts.language === 'zh' ? 'en' : 'zh');
    return this.onShow();
  },

  onStaff() {
    wx.navigateTo({ url: this.data.staff ? '/staff/scan/scan' : '/staff/signin/signin' });
  },
});
