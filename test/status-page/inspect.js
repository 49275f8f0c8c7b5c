/**
 * What is looked for in a page as a browser has it: contrast, names, what has the focus. It runs within the page, where
 * there are other types than in Node: so it is plain JavaScript, handed over as text (see `browser.ts`).
 */

/** Texts whose colour is too near to what is behind them (WCAG 2.2, 1.4.3): empty for none. */
function poorContrast() {
  const parse = (text) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const luminance = ([red, green, blue]) => {
    const linear = (part) => {
      const share = part / 255;
      return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent?.trim() ?? '';
    if (element === null || text === '' || element.closest('script,style,noscript,.unseen'))
      continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parse(style.color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const px = Number.parseFloat(style.fontSize);
    const isLarge = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5))
      poor.add(`${ratio.toFixed(2)} "${text.slice(0, 40)}" ${style.color}`);
  }
  return [...poor];
}

/** What somebody who does not see the page would miss: empty for nothing. */
function poorNames() {
  return [...poorLandmarks(), ...poorHeadings(), ...poorTables(), ...nameless()];
}

const all = (selector) => [...document.querySelectorAll(selector)];
const start = (element) => element.outerHTML.slice(0, 80);

function poorLandmarks() {
  const poor = ['main', 'body > header', 'nav[aria-label]', 'h1', '[aria-live]']
    .filter((selector) => all(selector).length !== 1)
    .map((selector) => `not one ${selector}`);
  if (document.documentElement.lang === '') poor.push('no language');
  return poor;
}

function poorHeadings() {
  const poor = [];
  let level = 0;
  for (const heading of all('h1,h2,h3,h4')) {
    const next = Number(heading.tagName.slice(1));
    if (next > level + 1) poor.push(`h${level} is followed by h${next}: ${heading.textContent}`);
    level = next;
  }
  return poor;
}

function poorTables() {
  return [
    ...all('table')
      .filter((table) => table.querySelector('caption') === null)
      .map((table) => `no caption: ${start(table)}`),
    ...all('th:not([scope])').map((head) => `no scope: ${start(head)}`),
    ...all('.scroll:not([tabindex="0"])').map((area) => `scrolls without focus: ${start(area)}`),
  ];
}

function nameless() {
  const isNamed = (element) => {
    const by = element.getAttribute('aria-labelledby');
    const text = by === null ? '' : document.getElementById(by)?.textContent;
    return (element.getAttribute('aria-label') ?? text ?? '').trim() !== '';
  };
  const ids = all('[id]').map(({ id }) => id);
  return [
    ...all('[role=img],[role=region],section,article,svg:not([aria-hidden=true])')
      .filter((element) => !isNamed(element))
      .map((element) => `no name: ${start(element)}`),
    ...all('a,summary,button,th')
      .filter((element) => element.textContent.trim() === '')
      .map((element) => `no text: ${start(element)}`),
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice: #${id}`),
  ];
}

/** What has the focus, and whether that is to be seen. */
function focused() {
  const element = document.activeElement ?? document.body;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const name = element.getAttribute('aria-label') ?? element.textContent ?? '';
  return {
    what: `${element.tagName.toLowerCase()} ${name.trim().slice(0, 40)}`,
    isSeen: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1,
  };
}

/** By how many pixels the page is wider than its window. */
function overflow() {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth - clientWidth;
}

Object.assign(globalThis, { poorContrast, poorNames, focused, overflow });
