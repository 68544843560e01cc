// The address of your Kaquan, without a slash at the end. It must be https and stand in the
// console under 开发管理 → 服务器域名 (request and uploadFile) before a phone can reach it.
module.exports = {
  server: 'https://kaquan.example.com',
  language: '', // 'zh' or 'en'; empty follows WeChat
};
