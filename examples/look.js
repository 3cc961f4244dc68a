// What a machine finds wrong on a page. Given: its language, the codes of all sentences, and how it is looked at: desk,
// telephone, dark (what is hard to read), paper.
const [language, keys, look] = arguments;
const isDesk = look !== 'telephone';
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
// What scrolls sideways hides what is in it.
if (look !== 'paper') {
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
if (document.querySelectorAll('h1').length !== 1 && !document.querySelector('.letter')) say('headings', null, `${document.querySelectorAll('h1').length} h1`);
// Codes where words should be, and the other language where it is ours.
const known = new Set(keys);
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const LABELS = 'h1, h2, h3, h4, th, label, button, dt, summary, legend, caption, option, nav a, .hint, .button, .related a, .groups a, .card > p';
const han = /\p{Script=Han}/u;
// Numbers of cases, and what a sentence quotes or names, are as they are in any language.
const ours = (text) => text.replace(/（\d{4}）[^（）\s]{2,14}号/gu, '').replace(/“[^”]*”/gu, '');
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement, text = node.textContent.trim();
  if (!text || text === '案款 ankuan' || !element || element.closest('script, style, noscript, .skip')) continue;
  if (text.includes('%{')) say('placeholder', element);
  if (!element.closest('code, input, textarea')) {
    for (const word of text.match(/\b[a-z_]+(?:\.[a-z_0-9]+)+\b/g) ?? []) if (known.has(word) && !element.closest('[data-label=代码], [data-label=code]')) say('raw code', element, word);
  }
  const isOurs = element.closest(LABELS) && !element.closest('code, [lang]:not(html), .brand, .court, .data, .approval, .ticks, main > h1, .letter, .claimant, select[name$=_person]') && !(element.matches('h2') && element.closest('[id^=person]')) && !(element.closest('option') && element.closest('[name=court]'));
  if (isOurs && language === 'en' && han.test(ours(text))) say('Chinese on an English page', element, text.slice(0, 60));
  if (isOurs && language === 'zh' && text !== 'SHA-256' && !han.test(text) && /[A-Za-z]{3,}/.test(text)) say('English on a Chinese page', element, text.slice(0, 60));
}
// A heading that says what the one above it says, or two columns of one name.
const headings = shown.filter((element) => element.matches('h1, h2, h3, h4'));
headings.slice(1).forEach((heading, place) => {
  if (heading.innerText.trim() === headings[place].innerText.trim()) say('heading twice', heading);
});
for (const row of shown.filter((element) => element.matches('thead tr'))) {
  const names = [...row.cells].map((cell) => cell.innerText.trim()).filter(Boolean);
  // The two sides of a statement have a column of amounts each.
  const isSum = (name) => [...row.cells].some((cell) => cell.innerText.trim() === name && cell.matches('.number'));
  for (const name of new Set(names.filter((name, place) => names.indexOf(name) !== place))) if (!isSum(name)) say('column twice', row, name);
}
// Text of the page, piece by piece, with where it stands.
const pieces = [];
const textWalker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = textWalker.nextNode(); node; node = textWalker.nextNode()) {
  const element = node.parentElement;
  if (!node.textContent.trim() || !element || element.closest('script, style, noscript, .skip, svg, option') || !isShown(element)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
  pieces.push({ node, element, boxes });
}
// Days, amounts and numbers of cases that go over two lines.
const WHOLE = /\d{4}-\d{2}-\d{2}|\d{1,3}(?:,\d{3})*\.\d{2}(?!\d)|（\d{4}）[^（）\s]{2,14}号|\d{2}:\d{2}:\d{2}/gu;
for (const { node, element } of pieces) {
  if (element.closest('pre, code, textarea, .note, p, li, dd, summary, .form') && look === 'telephone') continue;
  // Within a sentence they may.
  if (node.textContent.trim().length > 30) continue;
  for (const found of node.textContent.matchAll(WHOLE)) {
    const range = document.createRange();
    range.setStart(node, found.index);
    range.setEnd(node, found.index + found[0].length);
    const lines = new Set([...range.getClientRects()].filter((box) => box.width > 1).map((box) => Math.round(box.top)));
    if (lines.size > 1 && !element.closest('p, pre, .note')) say('broken', element, found[0]);
  }
}
// Text that lies on other text.
const lines = pieces.flatMap(({ element, boxes }) => boxes.map((box) => ({ element, box }))).sort((a, b) => a.box.top - b.box.top);
const lying = new Set();
lines.forEach((one, place) => {
  for (let next = place + 1; next < lines.length && lines[next].box.top < one.box.bottom; next += 1) {
    const other = lines[next];
    if (one.element === other.element || lying.has(one.element) || inScroller(one.element) !== inScroller(other.element)) continue;
    const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
    const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
    if (wide > 3 && high > 0.45 * Math.min(one.box.height, other.box.height)) {
      lying.add(one.element);
      if (!one.element.closest('.stamp') && !other.element.closest('.stamp')) say('text on text', one.element, `and ${other.element.innerText?.trim().slice(0, 30)}`);
    }
  }
});
// Text that is hard to read: less than 4.5 to 1, or 3 to 1 where it is large.
const parse = (colour) => {
  const [red, green, blue, alpha = 1] = (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  return { red, green, blue, alpha };
};
const over = (front, back) => {
  const mix = (name) => front[name] * front.alpha + back[name] * (1 - front.alpha);
  return { red: mix('red'), green: mix('green'), blue: mix('blue'), alpha: 1 };
};
const canvas = matchMedia('(prefers-color-scheme: dark)').matches && look !== 'paper' ? { red: 18, green: 18, blue: 18, alpha: 1 } : { red: 255, green: 255, blue: 255, alpha: 1 };
const groundOf = (element) => {
  const layers = [];
  for (let up = element; up; up = up.parentElement) {
    const colour = parse(getComputedStyle(up).backgroundColor);
    if (colour.alpha > 0) layers.push(colour);
    if (colour.alpha === 1) break;
  }
  return layers.reduceRight((back, front) => over(front, back), canvas);
};
const light = ({ red, green, blue }) => {
  const [r, g, b] = [red, green, blue].map((value) => { const part = value / 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const pale = new Set();
const check = (element, colour) => {
  const style = getComputedStyle(element), ground = groundOf(element), front = over(parse(colour), ground);
  const [a, b] = [light(front), light(ground)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = Number.parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
  const kind = `${colour} on ${Math.round(ground.red)},${Math.round(ground.green)},${Math.round(ground.blue)}`;
  if (ratio < (isLarge ? 3 : 4.5) && !pale.has(kind)) { pale.add(kind); say('hard to read', element, `${ratio.toFixed(2)}: ${kind}`); }
};
if (look !== 'paper') {
  for (const { element } of pieces) if (!element.closest(':disabled')) check(element, getComputedStyle(element).color);
  for (const text of shown.filter((element) => element.matches('svg text'))) if (!text.closest('.way')) check(text, getComputedStyle(text).fill);
}
// A column whose amounts do not stand below each other, and words of the program where words of people should be.
for (const cell of shown.filter((element) => element.matches('td:not(.number)'))) {
  if (isDesk && !cell.closest('.form .fields') && /^-?\d{1,3}(,\d{3})*\.\d{2}$/.test(cell.innerText.trim())) say('amount to the left', cell);
}
for (const { node, element } of pieces) {
  if (element.matches('td, dd, dd *, li, p, small, h1, h2, h3, td *') && !element.closest('code, pre, .data, .cli, [data-label=代码], [data-label=code], [data-label=项目], [data-label=check]') && /^[a-z]+(_[a-z]+)+$/.test(node.textContent.trim())) say('word of the program', element);
}
// A button or a link on a telephone that a finger misses.
if (look === 'telephone') {
  for (const element of shown.filter((element) => element.matches('button, .button, select, input:not([type=checkbox]):not([type=hidden]):not([type=radio])'))) {
    if (element.getBoundingClientRect().height < 28) say('too low for a finger', element);
  }
}
return faults;
