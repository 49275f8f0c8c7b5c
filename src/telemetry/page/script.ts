/**
 * What the status page does in the browser: asks every second, draws, and changes only what is different, so that a
 * tooltip under the pointer, the focus, what is unfolded and a live region stay. It asks nothing while nobody looks.
 */
export const script = `
const live = document.getElementById('live'), link = document.getElementById('link'), told = document.getElementById('told');
const state = { views: [], history: {}, faults: [], summaries: [], config: null };
let historyMs = -Infinity, faultCount = null, reloadTime = '', timer = 0, isAsking = false;
function say(text, isLost) { if (link.textContent !== text) link.textContent = text; link.className = isLost ? 'lost' : 'live'; }
function match(here, there) {
  if (here.isEqualNode(there)) return;
  if (here.nodeType === 3) { if (here.data !== there.data) here.data = there.data; return; }
  for (const { name } of [...here.attributes]) if (!there.hasAttribute(name) && name !== 'open') here.removeAttribute(name);
  for (const { name, value } of there.attributes) if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  const wanted = [...there.childNodes], present = [...here.childNodes];
  for (let i = 0; i < wanted.length; i += 1) {
    if (present[i] === undefined) here.append(wanted[i]);
    else if (present[i].nodeName !== wanted[i].nodeName) present[i].replaceWith(wanted[i]);
    else match(present[i], wanted[i]);
  }
  for (const extra of present.slice(wanted.length)) extra.remove();
}
async function ask(path) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(response.status);
  return response.json();
}
async function look() {
  const pools = await ask('pools');
  const { views } = state, last = views[views.length - 1];
  if (last !== undefined && pools.atMs < last.atMs) { views.length = 0; faultCount = null; historyMs = -Infinity; }
  const faults = pools.upstreams.reduce((sum, { totals }) => sum + (totals?.faults ?? 0), pools.clients.faults);
  const more = [];
  if (pools.atMs - historyMs > 10000) more.push(ask('history').then((answer) => { state.history = answer.upstreams; historyMs = pools.atMs; }));
  if (faults !== faultCount) more.push(ask('faults').then((answer) => { Object.assign(state, answer); announce(faults); }));
  if (pools.lastReload.time !== reloadTime) more.push(ask('config').then((answer) => { state.config = answer; reloadTime = pools.lastReload.time; }));
  await Promise.all(more);
  views.push(pools);
  if (views.length > 6) views.shift();
}
function announce(faults) {
  const [newest] = state.faults;
  if (faultCount !== null && faults > faultCount && newest !== undefined)
    told.textContent = (faults - faultCount) + ' more failed: ' + (newest.upstream || 'client') + ': ' + newest.cause;
  faultCount = faults;
}
async function turn() {
  if (isAsking || document.hidden) return;
  isAsking = true;
  try {
    await look();
    const drawn = live.cloneNode(false);
    drawn.innerHTML = draw(state, { squares: 2000, options: 1000, faults: 30 });
    match(live, drawn);
    const level = live.querySelector('.say')?.dataset.level;
    document.title = (level === 'bad' ? '✕ ' : level === 'warn' ? '! ' : '') + 'Sidepool';
    say('live', false);
  } catch {
    say('the gateway does not answer; what is shown is old', true);
  }
  isAsking = false;
  clearTimeout(timer);
  timer = setTimeout(turn, 1000);
}
document.addEventListener('visibilitychange', turn);
turn();
`;
