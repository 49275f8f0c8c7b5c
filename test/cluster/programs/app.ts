/**
 * An application that calls its upstream all its life: from its first moment, and on for a while after it
 * was told to end, as one does that finishes its work. Runs in a pod. Tells the test process of each call.
 */
import { get } from 'node:http';
import { hostname } from 'node:os';

const { TARGET = '', COLLECTOR = '', WORK_AFTER_TERM_MS = '5000' } = process.env;
const self = hostname();
let phase = 'first';
let count = 0;

/** One request on a connection of its own. */
function call(): Promise<string> {
  return new Promise((resolve) => {
    const asked = get(`${TARGET}/app/${count++}`, { agent: false, timeout: 20_000 }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        resolve(answer.statusCode === 200 ? 'ok' : `status ${answer.statusCode}`),
      );
    });
    asked.on('error', (error) => resolve(error.message.replaceAll(' ', '_')));
    asked.on('timeout', () => asked.destroy(new Error('no answer in 20 s')));
  });
}

async function callAndTell(): Promise<void> {
  const during = phase;
  const result = await call();
  await fetch(`${COLLECTOR}/called`, { method: 'POST', body: `${self} ${during} ${result}` });
}

process.on('SIGTERM', () => {
  phase = 'ending';
  setTimeout(async () => {
    clearInterval(timer);
    phase = 'last';
    await callAndTell();
    process.exit(0);
  }, Number(WORK_AFTER_TERM_MS));
});

await callAndTell();
phase = 'running';
console.log('working');
const timer = setInterval(() => void callAndTell(), 50);
