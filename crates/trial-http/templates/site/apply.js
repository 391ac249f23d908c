// Optional: replaces the middle of the page with each answer, and shows a countdown on the button.
'use strict';
(() => {
  const nameCountries = () => {
    const select = document.getElementById('country');
    if (!select || !Intl.DisplayNames) return;
    const names = new Intl.DisplayNames([document.documentElement.lang], { type: 'region' });
    for (const option of select.options) {
      option.textContent = option.textContent.replace(option.value, names.of(option.value));
    }
  };

  const countDown = () => {
    const button = document.querySelector('button[data-wait]');
    if (!button) return;
    const label = button.textContent;
    const end = Date.now() + 1000 * Number(button.dataset.wait);
    button.disabled = true;
    const tick = () => {
      if (!button.isConnected) return;
      const left = Math.ceil((end - Date.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? button.dataset.again.replace('#', left) : label;
      if (left > 0) setTimeout(tick, 250);
    };
    tick();
  };

  // Reports height and success to the embedding page.
  const embedded = 'embedded' in document.documentElement.dataset;
  const tell = (message) => { if (embedded) parent.postMessage(message, '*'); };
  if (embedded) {
    new ResizeObserver(() => tell({ trialgate: 'height', height: document.documentElement.offsetHeight })).observe(document.documentElement);
  }

  // Solves the challenge in workers, each with a share of the counters; returns '' if this browser cannot.
  const solve = async (challenge) => {
    const count = Math.min(navigator.hardwareConcurrency || 1, 4);
    const workers = Array.from({ length: count }, () => new Worker('/apply/altcha.js'));
    const search = (worker, counterStart) => new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data?.derivedKey ? resolve(data) : reject(new Error('no solution')));
      worker.onerror = reject;
      worker.postMessage({ type: 'work', challenge, counterStart, counterStep: count, timeout: 90_000 });
    });
    try {
      const solution = await Promise.any(workers.map(search));
      return btoa(JSON.stringify({ challenge, solution }));
    } catch {
      return '';
    } finally {
      for (const worker of workers) worker.terminate();
    }
  };

  const ready = () => {
    if (document.getElementById('applied')) tell({ trialgate: 'applied' });
    nameCountries();
    countDown();
  };

  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('[data-apply]')) return;
    event.preventDefault();
    if (form.ariaBusy === 'true') return;
    form.ariaBusy = 'true';
    const offline = document.getElementById('offline');
    offline.hidden = true;
    const body = new URLSearchParams(new FormData(form));
    if (event.submitter) body.set(event.submitter.name, event.submitter.value);
    const checking = document.getElementById('checking');
    try {
      if (checking && body.get('step') === 'code') {
        checking.textContent = checking.dataset.words;
        const challenge = await fetch('/apply/challenge');
        if (challenge.ok) body.set('altcha', await solve(await challenge.json()));
      }
      const answer = await fetch(form.action, { method: 'POST', body });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const main = page.querySelector('main');
      if (!main) throw new Error('no page');
      document.title = page.title;
      // Browsers may ignore the attribute on inserted elements and in frames.
      const next = main.querySelector('[autofocus]');
      next?.removeAttribute('autofocus');
      document.querySelector('main').replaceWith(main);
      // The widget's script renders only the first one.
      const widget = main.querySelector('[data-object]');
      if (widget) globalThis[widget.dataset.object]?.render(widget, { sitekey: widget.dataset.sitekey });
      ready();
      next?.focus();
    } catch {
      form.ariaBusy = 'false';
      offline.hidden = false;
      if (checking) checking.textContent = '';
    }
  });

  ready();
})();
