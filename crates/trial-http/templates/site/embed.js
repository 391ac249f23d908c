// Inserts the application form after the script tag that loads this, and fits its height.
// data-lang: "en" or "zh"; data-title: name of the frame for screen readers.
'use strict';
(() => {
  const script = document.currentScript;
  const { origin } = new URL(script.src);
  const address = new URL('/apply?embed=1', origin);
  if (script.dataset.lang) address.searchParams.set('lang', script.dataset.lang);

  const frame = document.createElement('iframe');
  frame.src = address;
  frame.title = script.dataset.title ?? 'Start your trial';
  Object.assign(frame.style, { border: '0', width: '100%', height: '46rem' });
  script.after(frame);

  addEventListener('message', ({ data, origin: from, source }) => {
    if (source !== frame.contentWindow || from !== origin) return;
    if (data?.trialgate === 'height') frame.style.height = `${Number(data.height)}px`;
    if (data?.trialgate === 'applied') frame.dispatchEvent(new CustomEvent('trialgate:applied', { bubbles: true }));
  });
})();
