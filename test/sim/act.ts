/** What each kind of step does. A step that finds nothing to do does nothing: so a schedule can be cut anywhere. */
import { type Random, seeded } from '../../src/base/clock.ts';
import type { OriginConnection } from './origin-connection.ts';
import { pick } from './plan.ts';
import type { Step, StepKind } from './step.ts';
import type { World } from './world.ts';

type Act = (world: World, random: Random) => void;

const few = (random: Random): number => 1 + Math.floor(random() ** 3 * 400);
const isHearing = ({ isDeaf, tcp }: OriginConnection): boolean => !isDeaf && !tcp.isPeerClosed;

/** Reads what there is, answers what is whole, sends all: the usual. */
function serve(world: World, origin: OriginConnection, random: Random): void {
  const read = origin.read();
  let answered = 0;
  for (let next = origin.unanswered; next !== null; next = origin.unanswered) {
    if (!origin.isWholeRead(next) || origin.answer(random, world.config) === null) break;
    answered += 1;
  }
  const sent = origin.send();
  if (read + answered + sent > 0) {
    world.tell(`${origin.name}: the origin reads ${read}, answers ${answered}, sends all it has`);
  }
}

const acts: { readonly [kind in StepKind]: Act } = {
  turn: (world, random) => {
    world.loop.stall(pick([0, 0, 0.25, 1], random));
    world.tell('a turn of the loop');
    world.turn(random);
  },
  'turn-race': (world, random) => {
    // Things happen while the gateway is in the middle of a turn.
    const kinds = [
      'origin-serve',
      'origin-send',
      'origin-fin',
      'client-send',
      'client-close',
      'origin-reset',
      'origin-close',
    ] as const;
    world.tell('a turn of the loop, and while it lasts:');
    world.turn(random, () => {
      acts[pick(kinds, random)](world, random);
      if (random() < 0.5) world.arriveAll();
    });
  },
  arrive: (world, random) => {
    const moving = [...world.clients, ...world.origins].filter(({ tcp }) => tcp.isOnItsWay);
    if (moving.length === 0) return;
    const { name, tcp } = pick(moving, random);
    tcp.arrive(1 + Math.floor(random() * 3));
    world.tell(`${name}: some of what is on its way to the gateway arrives`);
  },
  pass: (world, random) => {
    const ms = 1 + Math.floor(random() ** 2 * 40);
    world.tell(`${ms} ms pass`);
    world.pass(ms, random);
  },
  'pass-long': (world, random) => {
    const ms = Math.floor(random() ** 2 * 4_000);
    world.tell(`${ms} ms pass`);
    world.pass(ms, random);
  },
  stall: (world, random) => {
    const ms = Math.floor(random() ** 2 * 3_000);
    world.tell(`the gateway's process stands still for ${ms} ms`);
    world.loop.stall(ms);
    world.turn(random);
  },

  wall: (world, random) => {
    const seconds = Math.floor((random() - 0.5) * 10_000);
    world.tell(`the wall clock is set by ${seconds} s`);
    world.loop.jumpWall(seconds);
  },

  'client-new': (world, random) => world.newClient(random),
  'client-send': (world, random) => {
    const client = world.pickClient(random, ({ canSend }) => canSend);
    if (client !== null) world.tell(`${client.name} sends ${client.send(few(random))}`);
  },
  'client-send-all': (world, random) => {
    const client = world.pickClient(random, ({ canSend }) => canSend);
    if (client === null) return;
    const times = 1 + Math.floor(random() * 4);
    for (let sent = 0; sent < times && client.canSend; sent += 1) {
      world.tell(`${client.name} sends ${client.send(Number.POSITIVE_INFINITY)}`);
    }
  },
  'client-burst': (world, random) => {
    // Many at once, as is where requests share connections.
    const most = 2 + Math.floor(random() * 6);
    for (let made = world.clients.size; made < most; made += 1) world.newClient(random);
    for (const client of world.clients) {
      if (client.canSend) {
        world.tell(`${client.name} sends ${client.send(Number.POSITIVE_INFINITY)}`);
      }
    }
  },
  'client-read': (world, random) => {
    const client = world.pickClient(random, ({ tcp }) => tcp.unreadByPeer > 0);
    if (client !== null) world.tell(`${client.name} reads ${client.read(few(random) * 20)} octets`);
  },
  'client-deaf': (world, random) => {
    const client = world.pickClient(random, ({ isDeaf }) => !isDeaf);
    if (client === null) return;
    client.isDeaf = true;
    world.tell(`${client.name} stops reading`);
  },
  'client-hears': (world, random) => {
    const client = world.pickClient(random, ({ isDeaf }) => isDeaf);
    if (client === null) return;
    client.isDeaf = false;
    world.tell(`${client.name} reads again`);
  },
  'client-fin': (world, random) => {
    const client = world.pickClient(random, ({ tcp }) => !tcp.hasPeerEnded);
    if (client === null) return;
    client.fin();
    world.tell(`${client.name} ends its side`);
  },
  'client-reset': (world, random) => {
    const client = world.pickClient(random, ({ tcp }) => !tcp.isPeerClosed);
    if (client === null) return;
    client.reset();
    world.tell(`${client.name} resets its connection`);
  },
  'client-close': (world, random) => {
    // Mostly those that have all they wanted.
    const isAny = random() < 0.2;
    const client = world.pickClient(
      random,
      ({ tcp, isDone }) => !tcp.isPeerClosed && (isAny || isDone),
    );
    if (client === null) return;
    client.close();
    world.tell(`${client.name} closes its connection`);
  },
  'client-tunnel': (world, random) => {
    const client = world.pickClient(random, ({ scan }) => scan.tunnelSerial !== null);
    const sent = client?.sendTunnel(few(random)) ?? 0;
    if (sent > 0) world.tell(`${client?.name} sends ${sent} octets into its tunnel`);
  },

  dial: (world, random) => {
    const { dials } = world;
    if (dials.length > 0) world.endDial(pick(dials, random));
  },
  'dial-fails': (world, random) => {
    const { dials } = world;
    if (dials.length === 0) return;
    const kinds = ['connect-refused', 'connect-failed', 'tls-failed', 'tls-certificate'] as const;
    world.failDial(pick(dials, random), pick(kinds, random));
  },
  host: (world, random) => world.turnHost(random),

  'origin-serve': (world, random) => {
    const origin = world.pickOrigin(random, isHearing);
    if (origin !== null) serve(world, origin, random);
  },
  'origin-read': (world, random) => {
    const origin = world.pickOrigin(random, (each) => isHearing(each) && each.tcp.unreadByPeer > 0);
    if (origin !== null)
      world.tell(`${origin.name}: the origin reads ${origin.read(few(random) * 10)}`);
  },
  'origin-answer': (world, random) => {
    // Not seldom before the request's body is there.
    const origin = world.pickOrigin(random, (each) => isHearing(each) && each.unanswered !== null);
    const answer = origin?.answer(random, world.config) ?? null;
    if (answer === null) return;
    const { plan, attempt } = answer;
    const what = `${plan.status} ${plan.framing} ${plan.bodyBytes} octets${plan.keeps ? '' : ', and closes'}`;
    world.tell(`${origin?.name}: the origin answers request ${attempt.entry.plan.id}: ${what}`);
  },
  'origin-send': (world, random) => {
    const origin = world.pickOrigin(random, (each) => isHearing(each) && each.hasUnsent);
    if (origin !== null)
      world.tell(`${origin.name}: the origin sends ${origin.send(few(random))} octets`);
  },
  'origin-continue': (world, random) => {
    const origin = world.pickOrigin(random, isHearing);
    if (origin === null || !origin.isOpen) return;
    const read = origin.read();
    const what = origin.sayContinue() ? 'says 100 Continue' : `reads ${read}`;
    world.tell(`${origin.name}: the origin ${what}, sends ${origin.send()}`);
  },
  'origin-fin': end('fin', 'ends its side'),
  'origin-close': end('close', 'closes'),
  'origin-reset': end('reset', 'resets'),
  'origin-stray': (world, random) => {
    const origin = world.pickOrigin(random, (each) => each.isOpen && !each.scan.isTunnel);
    if (origin === null) return;
    origin.stray(pick(['\0', 'stray\r\n\r\n', '\r\nX'], random), { ends: random() < 0.3 });
    origin.send();
    world.tell(`${origin.name}: the origin sends bytes that nobody asked for`);
  },
  'origin-double': (world, random) => {
    const origin = world.pickOrigin(random, ({ hasUnsent }) => hasUnsent);
    if (origin?.double() === true) {
      world.tell(`${origin.name}: the origin sends a second response behind the first`);
    }
  },
  'origin-deaf': (world, random) => {
    const origin = world.pickOrigin(random, isHearing);
    if (origin === null) return;
    origin.isDeaf = true;
    world.tell(`${origin.name}: the origin falls silent`);
  },
  'origin-tunnel': (world, random) => {
    const origin = world.pickOrigin(random, (each) => each.scan.isTunnel && each.isOpen);
    if (origin === null) return;
    origin.read();
    origin.sayTunnel(few(random));
    world.tell(`${origin.name}: the origin sends ${origin.send()} octets into its tunnel`);
  },

  policy: (world, random) => world.reloadPolicy(random),
  pools: (world, random) => world.replaceUpstream(random),
  listener: (world) => world.turnListener(),
  endpoints: (world, random) => world.changeEndpoints(random),
  'resolve-fails': (world, random) => {
    const found = world.gateway.all.filter(({ isOver }) => !isOver);
    if (found.length > 0) pick(found, random).upstream.onResolveFailed('the name has no addresses');
  },
  drain: (world) => {
    if (!world.gateway.gate.isDraining) world.tell('the gateway drains');
    world.gateway.drain();
  },
};

function end(how: 'fin' | 'close' | 'reset', words: string): Act {
  return (world, random) => {
    const origin = world.pickOrigin(random, ({ tcp, isOpen }) =>
      how === 'fin' ? isOpen : !tcp.isPeerClosed,
    );
    if (origin === null) return;
    origin[how]();
    world.tell(`${origin.name}: the origin ${words}`);
  };
}

export function act(world: World, { kind, r }: Step): void {
  acts[kind](world, seeded(r));
}
