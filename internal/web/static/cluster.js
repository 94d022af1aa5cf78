// The cluster as it was told last, and what happened from one telling to the next.

// Cluster is what the page knows. Locks are kept by name in a Map: a name is any text.
export class Cluster {
  constructor() {
    this.members = [];
    this.clear();
  }

  clear() {
    this.locks = new Map();
    this.statuses = new Map(); // by address
    this.listed = new Map(); // how members stand in a change, and what is wrong with them, by address
    this.change = ''; // which change of the members is under way, in words
    this.missing = new Map(); // reasons, by address
    this.detail = null;
    this.asks = [];
    this.settled = false;
    this.more = false;
  }

  // meet begins anew, and returns what has happened to the members. It remembers how they were.
  meet(hello) {
    const { statuses, missing, members } = this;
    const happened = members.length === 0 ? [] : [
      ...hello.members.filter((m) => !members.includes(m)).map((m) => ({ kind: 'back', text: `${m} is a member now` })),
      ...members.filter((m) => !hello.members.includes(m)).map((m) => ({ kind: 'gone', text: `${m} is no member any more` })),
    ];
    this.clear();
    hello.members.forEach((m) => {
      for (const [of, was] of [[this.statuses, statuses], [this.missing, missing]]) {
        if (was.has(m)) {
          of.set(m, was.get(m));
        }
      }
    });
    Object.assign(this, { members: hello.members, self: hello.member, quorum: hello.quorum, ttl: hello.ttl, version: hello.version });
    return happened;
  }

  // take takes news, and returns what happened, first things first.
  take(news) {
    const now = performance.now();
    const happened = [];
    if (news.status) {
      this.takeStatus(news.status, now, happened);
    }
    for (const lock of news.locks ?? []) {
      this.takeLock(lock, now, happened);
    }
    for (const name of news.gone ?? []) {
      this.locks.delete(name);
    }
    if (news.detail) {
      this.detail = { ...news.detail, at: now };
      this.detail.lock.at = now;
      this.detail.lock.last = news.detail.lock.token?.member ?? this.locks.get(news.detail.lock.name)?.last;
    }
    this.asks = news.asks ?? this.asks;
    this.settled ||= Boolean(news.settled);
    this.more = Boolean(news.more);
    return happened;
  }

  takeStatus(status, now, happened) {
    const answered = new Map(status.statuses.map((s) => [s.member, { ...s, at: now }]));
    const missing = new Map(status.missing.map((m) => [m.member, m.reason]));
    this.members.forEach((address, member) => {
      const [before, after] = [this.statuses.get(address), answered.get(address)];
      const tell = (kind, text) => happened.push({ kind, member, text });
      if (missing.has(address) && !this.missing.has(address)) {
        tell('gone', 'does not answer');
      }
      if (!before || !after) {
        return;
      }
      if (before.process !== after.process) {
        tell('back', 'is back, as a new process');
      } else if (this.missing.has(address)) {
        tell('back', 'answers again');
      }
      if (after.session === '0' && before.session !== '0') {
        tell('lapse', 'has lost its session');
      } else if (after.session !== before.session) {
        tell('session', 'has begun a session');
      }
    });
    // What one that is missing said last is kept, to see what it is when it is back.
    answered.forEach((s, address) => this.statuses.set(address, s));
    this.missing = missing;
    this.change = status.change ?? '';
    this.listed = new Map((status.listed ?? []).map((l) => [l.member, l]));
  }

  takeLock(lock, now, happened) {
    const before = this.locks.get(lock.name);
    lock.at = now;
    lock.last = lock.token?.member ?? before?.last; // where the token was seen last
    this.locks.set(lock.name, lock);
    if (!before) {
      if (this.settled && lock.holder) {
        happened.push({ kind: 'enter', lock: lock.name, member: lock.holder.member, text: entered(lock.holder) });
      }
      return;
    }
    const tell = (kind, member, text, more) => happened.push({ kind, lock: lock.name, member, text, ...more });
    for (const member of lock.wants.filter((m) => !before.wants.includes(m))) {
      tell('ask', member, 'asks');
    }
    for (const member of lock.searches.filter((m) => !before.searches.includes(m))) {
      tell('search', member, 'looks for the token');
    }
    const [was, is] = [sharers(before), sharers(lock)];
    if (before.holder && !before.holder.mode && before.holder.fence !== lock.holder?.fence) {
      tell('leave', before.holder.member, `has left, fence ${before.holder.fence}`);
    }
    for (const member of was.filter((m) => !is.includes(m))) {
      tell('leave', member, 'shares it no more');
    }
    const [from, to] = [before.last, lock.token?.member];
    const made = lock.token && before.token && before.token.epoch !== lock.token.epoch;
    if (made) {
      tell('made', to, 'has the token, made anew');
    } else if (to !== undefined && from !== undefined && to !== from) {
      tell('move', to, 'has the token', { from });
    }
    for (const member of is.filter((m) => !was.includes(m))) {
      tell('enter', member, 'shares it');
    }
    if (lock.holder && !lock.holder.mode && lock.holder.fence !== before.holder?.fence) {
      tell('enter', lock.holder.member, entered(lock.holder));
    } else if (lock.holder?.ending && !before.holder?.ending) {
      tell('ending', lock.holder.member, `is to leave: ${lock.holder.ending}`);
    }
  }

  // heard is whether the node has said how the members are.
  heard() {
    return this.statuses.size + this.missing.size > 0;
  }

  // state is how a member is, with regard to a lock, which may be missing.
  state(member, lock) {
    const address = this.members[member];
    const status = this.statuses.get(address);
    if (this.missing.has(address)) {
      return 'gone';
    }
    if (status?.session === '0') {
      return 'no-session';
    }
    if (lock?.inside.includes(member)) {
      return 'critical';
    }
    return lock?.wants.includes(member) ? 'waiting' : 'idle';
  }

  // answering counts the members that are in a session.
  answering() {
    return this.members.filter((address) => !this.missing.has(address) && (this.statuses.get(address)?.session ?? '0') !== '0').length;
  }
}

// sharers are the members whose clients share a lock.
const sharers = (lock) => (lock.holder?.mode ? lock.inside : []);

function entered(holder) {
  return holder.mode ? 'shares it' : `is in, fence ${holder.fence}`;
}
