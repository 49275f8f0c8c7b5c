/**
 * Who wants to know of which Service. A change is worked out once and written as one line, which every subscriber of that
 * Service, port and zone gets: five thousand sidecars cost one computation and five thousand writes.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import type { Wanted } from './views.ts';

export interface Topic extends Wanted {
  /** `namespace/name`. */
  readonly service: string;
}

export interface Subscriber {
  /** A whole line, its end included. */
  send(line: string): void;
}

export interface Source {
  addresses(service: string, wanted: Wanted): readonly string[] | null;
}

interface Channel {
  readonly topic: Topic;
  readonly subscribers: Set<Subscriber>;
  current: readonly string[] | null;
}

/** A roll-out changes a slice several times in a moment: they leave together. */
const GATHER_MS = 50;

export class Hub {
  readonly #clock: Clock;
  readonly #source: Source;
  /** By Service, then by port and zone. */
  readonly #channels = new Map<string, Map<string, Channel>>();
  readonly #changed = new Set<string>();
  #cancel: Cancel | null = null;
  /** Lines sent, over all subscribers. */
  linesSent = 0;

  constructor(clock: Clock, source: Source) {
    this.#clock = clock;
    this.#source = source;
  }

  /** Sends what there is, and from then on every change. Gives what ends it. */
  subscribe(topic: Topic, subscriber: Subscriber): () => void {
    const channel = this.#channelOf(topic);
    channel.subscribers.add(subscriber);
    this.#send(subscriber, { set: nameOf(topic), endpoints: channel.current });
    return () => {
      channel.subscribers.delete(subscriber);
      if (channel.subscribers.size > 0) return;
      const channels = this.#channels.get(topic.service);
      channels?.delete(keyOf(topic));
      if (channels?.size === 0) this.#channels.delete(topic.service);
    };
  }

  /** Something of this Service has changed. */
  onChanged(service: string): void {
    if (!this.#channels.has(service)) return;
    this.#changed.add(service);
    this.#cancel ??= this.#clock.sleep(GATHER_MS, () => this.#flush());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #channelOf(topic: Topic): Channel {
    let channels = this.#channels.get(topic.service);
    if (channels === undefined) {
      channels = new Map();
      this.#channels.set(topic.service, channels);
    }
    let channel = channels.get(keyOf(topic));
    if (channel === undefined) {
      const current = this.#source.addresses(topic.service, topic);
      channel = { topic, subscribers: new Set(), current };
      channels.set(keyOf(topic), channel);
    }
    return channel;
  }

  #flush(): void {
    this.#cancel = null;
    const services = [...this.#changed];
    this.#changed.clear();
    for (const service of services)
      for (const channel of this.#channels.get(service)?.values() ?? []) this.#publish(channel);
  }

  #publish(channel: Channel): void {
    const { topic, current } = channel;
    const next = this.#source.addresses(topic.service, topic);
    const line = lineOf(nameOf(topic), current, next);
    channel.current = next;
    if (line === null) return;
    for (const subscriber of channel.subscribers) {
      this.linesSent += 1;
      subscriber.send(line);
    }
  }

  #send(subscriber: Subscriber, message: object): void {
    this.linesSent += 1;
    subscriber.send(`${JSON.stringify(message)}\n`);
  }
}

/** As the sidecar names it: `namespace/name:port`. The zone is that of its connection. */
function nameOf({ service, port }: Topic): string {
  return `${service}:${port}`;
}

function keyOf({ port, zone }: Topic): string {
  return `${port} ${zone}`;
}

/** The shortest line that says it; null if nothing has changed. */
function lineOf(
  name: string,
  before: readonly string[] | null,
  after: readonly string[] | null,
): string | null {
  if (before === null || after === null)
    return before === after ? null : `${JSON.stringify({ set: name, endpoints: after })}\n`;
  const [had, has] = [new Set(before), new Set(after)];
  const add = after.filter((address) => !had.has(address));
  const remove = before.filter((address) => !has.has(address));
  if (add.length + remove.length === 0) return null;
  const isShorter = add.length + remove.length < after.length;
  const message = isShorter ? { change: name, add, remove } : { set: name, endpoints: after };
  return `${JSON.stringify(message)}\n`;
}
