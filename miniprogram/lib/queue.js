// Work that a member of the staff did without a network. It is kept on the phone, in order,
// and sent with the same keys once there is a network; what the server then refuses
// becomes a conflict to look at, never a silent loss.
const KEY = 'kaquan.queue';
const MAX = 200;

function createQueue({ wx, now = Date.now }) {
  const read = () => wx.getStorageSync(KEY) || { jobs: [], conflicts: [] };
  const write = (q) => wx.setStorageSync(KEY, q);
  let flushing = null;

  // add keeps a job: {staff, path, body, key, label}. false when the phone holds too many.
  function add(job) {
    const q = read();
    if (q.jobs.length >= MAX) return false;
    if (!q.jobs.some((j) => j.key === job.key)) q.jobs.push({ ...job, at: new Date(now()).toISOString() });
    write(q);
    return true;
  }

  // flush sends the jobs of one member, oldest first; those of others wait for them. It ends at the
  // first failure of the network, and tells how many were done and how many refused.
  function flush(staff, send) {
    if (!flushing) flushing = run(staff, send).finally(() => { flushing = null; });
    return flushing;
  }

  async function run(staff, send) {
    let done = 0;
    let refused = 0;
    for (const job of read().jobs.filter((j) => j.staff === staff)) {
      let problem = null;
      try {
        await send(job);
        done++;
      } catch (e) {
        if (e.network || e.status >= 500 || e.status === 401 || e.status === 429) break;
        problem = { ...job, code: e.code, message: e.message, refused_at: new Date(now()).toISOString() };
        refused++;
      }
      const q = read(); // a tap may have added to it meanwhile
      q.jobs = q.jobs.filter((j) => j.key !== job.key);
      if (problem) q.conflicts = [...q.conflicts, problem].slice(-MAX);
      write(q);
    }
    return { done, refused, waiting: waiting(staff).length };
  }

  const waiting = (staff) => read().jobs.filter((j) => !staff || j.staff === staff);
  const conflicts = (staff) => read().conflicts.filter((j) => !staff || j.staff === staff);

  // dismiss forgets a conflict that somebody has looked at.
  function dismiss(key) {
    const q = read();
    q.conflicts = q.conflicts.filter((j) => j.key !== key);
    write(q);
  }

  return { add, flush, waiting, conflicts, dismiss };
}

module.exports = { createQueue, MAX };
