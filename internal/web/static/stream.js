// The stream of events from the node, which is opened again when it breaks.

const AGAIN = 1000; // milliseconds until it is opened again
const SILENCE = 7000; // milliseconds after which a silent stream counts as broken

// Stream keeps an event stream open. The page's id is this page's alone, for as long as it
// is loaded.
export class Stream {
  // selected returns the lock that is shown. hello and news are told what comes, and changed
  // whether the stream is open.
  constructor({ selected, hello, news, changed }) {
    Object.assign(this, { selected, hello, news, changed });
    this.page = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
    this.token = document.querySelector('meta[name=conch-token]').content;
    this.open();
    setInterval(() => this.check(), 1000);
  }

  open() {
    const source = new EventSource(`events?page=${this.page}&lock=${encodeURIComponent(this.selected())}`);
    this.source = source;
    this.heard = performance.now();
    const on = (event, act) => source.addEventListener(event, (message) => {
      this.heard = performance.now();
      if (source === this.source) {
        act(JSON.parse(message.data));
      }
    });
    on('hello', (hello) => {
      this.changed(true);
      this.meet(hello);
    });
    on('news', (news) => this.news(news));
    source.onerror = () => this.lose(source);
  }

  // lose opens another stream in a moment. The browser's own attempts would ask for the
  // lock that was shown when the stream began.
  lose(source) {
    source.close();
    if (source !== this.source) {
      return;
    }
    this.source = null;
    this.changed(false);
    setTimeout(() => this.open(), AGAIN);
  }

  // check ends a stream on which nothing comes any more.
  check() {
    if (this.source && performance.now() - this.heard > SILENCE) {
      this.lose(this.source);
    }
  }

  // meet fetches the token of a process that is another than before.
  async meet(hello) {
    if (this.process && this.process !== hello.process) {
      try {
        const text = await (await fetch('./', { cache: 'no-store' })).text();
        this.token = new DOMParser().parseFromString(text, 'text/html').querySelector('meta[name=conch-token]').content;
      } catch {
        // The stream is about to break again.
      }
    }
    this.process = hello.process;
    this.hello(hello);
  }

  // act asks the node to do something, and returns what it says, or throws an Error.
  async act(what, request = {}) {
    let answer;
    try {
      answer = await fetch(`api/${what}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Conch-Token': this.token },
        body: JSON.stringify({ page: this.page, ...request }),
      });
    } catch {
      throw new Error('the node does not answer');
    }
    const content = await answer.json();
    if (!answer.ok) {
      throw new Error(content.error);
    }
    return content.text;
  }
}
