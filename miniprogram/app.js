const config = require('./config');
const texts = require('./texts/index');
const { createApi } = require('./lib/api');
const { createStaff } = require('./lib/staff');
const { createQueue } = require('./lib/queue');

const LANGUAGE = 'kaquan.language';

App({
  onLaunch() {
    this.staff = createStaff({ wx });
    this.queue = createQueue({ wx });
    this.server = config.server.replace(/\/+$/, '');
    this.api = createApi({ wx, server: this.server, staff: this.staff, language: () => this.texts.language });
    this.speak(wx.getStorageSync(LANGUAGE) || config.language || this.systemLanguage());
  },

  // onShow renews the session long before it ends; a sign-in waits until a page needs one.
  onShow() {
    const s = this.api.session.read();
    if (s && s.expires_at && Date.parse(s.expires_at) - Date.now() < 10 * 24 * 3600 * 1000) this.api.renew();
  },

  systemLanguage() {
    const info = wx.getAppBaseInfo ? wx.getAppBaseInfo() : wx.getSystemInfoSync();
    return info.language || 'zh';
  },

  // speak changes the language of everything, also of the sentences that the server writes.
  speak(language) {
    this.texts = texts(language);
    const { t } = this.texts;
    [t('tab_cards'), t('tab_me')].forEach((text, index) => wx.setTabBarItem({ index, text, fail() {} }));
  },

  choose(language) {
    wx.setStorageSync(LANGUAGE, language);
    this.speak(language);
  },
});
