// What a machine finds wrong on a page. Given: its language, the codes of all sentences, whether it is a desk.
const [language, keys, isDesk] = arguments;
const faults = [];
const say = (kind, element, more) => {
  const name = element ? `${element.tagName.toLowerCase()}${element.id ? '#' + element.id : ''}${
    typeof element.className === 'string' && element.className ? '.' + element.className.split(' ').join('.') : ''}` : '';
  const text = element ? (element.innerText ?? element.textContent ?? element.value ?? '').trim().slice(0, 40).replaceAll('\n', ' ') : '';
  faults.push(`${kind}: ${name} ${JSON.stringify(text)} ${more ?? ''}`.trim());
};
const all = [...document.body.querySelectorAll('*')];
const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.skip');
const shown = all.filter(isShown);
const scrolls = (element) => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
const inScroller = (element) => { for (let up = element; up && up !== document.body; up = up.parentElement) if (scrolls(up)) return true; return false; };

// Wider than the window.
if (document.documentElement.scrollWidth > innerWidth) {
  say('overflow', null, `${document.documentElement.scrollWidth} > ${innerWidth}`);
  const wide = shown.filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !inScroller(element));
  for (const element of wide.slice(0, 3)) say('too wide', element);
}
// Text that is cut.
for (const element of shown) {
  const style = getComputedStyle(element);
  const isCut = ['hidden', 'clip'].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
  if (isCut && element.innerText?.trim() && !element.closest('svg')) say('cut', element);
}
// On a telephone what scrolls sideways hides what is in it.
if (!isDesk) {
  for (const element of shown.filter(scrolls)) {
    if (element.scrollWidth > element.clientWidth + 1 && !element.matches('nav, nav *')) say('scrolls', element, `${element.scrollWidth} > ${element.clientWidth}`);
  }
}
// A column of single letters.
for (const cell of shown.filter((element) => element.matches('th, td'))) {
  const size = Number.parseFloat(getComputedStyle(cell).fontSize);
  if (cell.innerText.trim().length > 4 && cell.clientWidth < 3.5 * size && cell.clientHeight > 4 * size) say('squeezed', cell);
}
// Text of a picture that leaves it, or lies on other text.
for (const svg of shown.filter((element) => element.matches('svg'))) {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim());
  const boxes = texts.map((text) => text.getBoundingClientRect());
  boxes.forEach((box, place) => {
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) say('text leaves picture', texts[place]);
    boxes.slice(place + 1).forEach((other, later) => {
      const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left), high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
      if (wide > 2 && high > 3) say('texts overlap', texts[place], `and ${texts[place + 1 + later].textContent.trim()}`);
    });
  });
  if (!svg.querySelector('title') && !svg.getAttribute('aria-label') && svg.getAttribute('aria-hidden') !== 'true' && !svg.closest('[aria-label], [aria-hidden=true]')) say('picture without title', svg);
}
// What can be clicked and lies on something else that can.
const clickable = shown.filter((element) => element.matches('a[href], button, input:not([type=hidden]), select, textarea, summary') && !element.closest('svg') && !inScroller(element));
const rects = clickable.flatMap((element) => [...element.getClientRects()].map((rect) => ({ element, rect })));
for (let one = 0; one < rects.length; one += 1) {
  for (let other = one + 1; other < rects.length; other += 1) {
    const [a, b] = [rects[one], rects[other]];
    if (a.element === b.element || a.element.contains(b.element) || b.element.contains(a.element)) continue;
    const wide = Math.min(a.rect.right, b.rect.right) - Math.max(a.rect.left, b.rect.left);
    const high = Math.min(a.rect.bottom, b.rect.bottom) - Math.max(a.rect.top, b.rect.top);
    if (wide > 2 && high > 4) say('overlap', a.element, `and ${b.element.innerText?.slice(0, 30)}`);
  }
}
// What somebody who cannot see would not be told.
for (const element of shown) {
  if (element.matches('input:not([type=hidden]), select, textarea') && !element.labels?.length && !element.getAttribute('aria-label')) say('no label', element, element.name);
  if (element.matches('img') && !element.hasAttribute('alt')) say('no alt', element);
  if (element.matches('a[href], button') && !(element.innerText ?? element.textContent)?.trim() && !element.getAttribute('aria-label')) say('no name', element);
}
const ids = all.map((element) => element.id).filter(Boolean);
for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) say('id twice', null, id);
if (document.querySelectorAll('h1').length !== 1) say('headings', null, `${document.querySelectorAll('h1').length} h1`);
// Codes where words should be, and the other language where it is ours.
const known = new Set(keys);
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const LABELS = 'h1, h2, h3, h4, th, label, button, dt, summary, legend, caption, option, nav a, .hint, .button, .related a, .groups a, .card > p';
const han = /\p{Script=Han}/u;
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement, text = node.textContent.trim();
  if (!text || text === '案款 ankuan' || !element || element.closest('script, style, noscript, .skip')) continue;
  if (text.includes('%{')) say('placeholder', element);
  if (!element.closest('code, input, textarea')) {
    for (const word of text.match(/\b[a-z_]+(?:\.[a-z_0-9]+)+\b/g) ?? []) if (known.has(word)) say('raw code', element, word);
  }
  const isOurs = element.closest(LABELS) && !element.closest('code, [lang]:not(html), .brand, .court, .data') && !(element.closest('option') && element.closest('[name=court]'));
  if (isOurs && language === 'en' && han.test(text)) say('Chinese on an English page', element, text.slice(0, 60));
  if (isOurs && language === 'zh' && !han.test(text) && /[A-Za-z]{3,}/.test(text)) say('English on a Chinese page', element, text.slice(0, 60));
}
return faults;
