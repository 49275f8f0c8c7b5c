/**
 * What the status page does in the browser: asks every two seconds, draws, and changes only what is different, so that
 * a tooltip under the pointer, the focus and a live region stay. It asks nothing while nobody looks.
 */
export const script = `
const live = document.getElementById('live'), link = document.getElementById('link');
const views = [];
function say(text, isLost) { link.textContent = text; link.className = isLost ? 'lost' : ''; }
function match(here, there) {
  if (here.nodeType === 3) { if (here.data !== there.data) here.data = there.data; return; }
  for (const { name } of [...here.attributes]) if (!there.hasAttribute(name)) here.removeAttribute(name);
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
async function turn() {
  try {
    if (!document.hidden) {
      const [pools, { faults }] = await Promise.all([ask('pools'), ask('faults')]);
      if (views.length > 0 && pools.atMs < views[0].atMs) views.length = 0;
      views.push(pools);
      if (views.length > 61) views.shift();
      const drawn = document.createElement('main');
      drawn.id = 'live';
      drawn.innerHTML = draw(views, faults, 2000);
      match(live, drawn);
      say('live', false);
    }
  } catch {
    say('the gateway does not answer; what is shown is old', true);
  }
  setTimeout(turn, 2000);
}
turn();
`;
