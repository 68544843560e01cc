// The tree of stores and warehouses as a list that a picker shows, and the one in use.
const KEY = 'kaquan.stock.place';

// load asks for the places and picks the one used last, or the member's own.
async function load() {
  const app = getApp();
  const { places } = await app.api.get('/mini/v1/staff/places', {}, { staff: true });
  const wanted = wx.getStorageSync(KEY) || app.staff.read().place.id;
  return { places, names: places.map((p) => '　'.repeat(p.depth) + p.name), index: Math.max(0, places.findIndex((p) => p.id === wanted)) };
}

const remember = (id) => wx.setStorageSync(KEY, id);
const current = () => wx.getStorageSync(KEY) || getApp().staff.read().place.id;

module.exports = { load, remember, current };
