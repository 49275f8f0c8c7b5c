/** The endpoint stream as a whole: one watch of the cluster's Services and EndpointSlices, told on to whoever asks. */
import type { Clock, Random } from '../../base/clock.ts';
import type { KeyPair } from '../certificates/issue.ts';
import { member, textAt } from '../injection/json.ts';
import type { WatchableApi } from '../kubernetes/api.ts';
import { Watch } from '../kubernetes/watch.ts';
import type { ListenAddress } from '../listen-address.ts';
import { Catalogue, type ObjectKind } from './catalogue.ts';
import { Hub } from './hub.ts';
import { StreamServer } from './stream-server.ts';
import { TokenReviewer } from './token-review.ts';

export type TellerPlace = 'services' | 'endpoint-slices' | 'token-review';

export interface TellerParts {
  readonly api: WatchableApi;
  readonly clock: Clock;
  readonly random: Random;
  onFailed(place: TellerPlace, why: string): void;
  onMended(place: TellerPlace): void;
}

export class EndpointTeller {
  readonly #hub: Hub;
  readonly #server: StreamServer;
  readonly #watches: readonly Watch[];

  constructor(parts: TellerParts) {
    const { api, clock, random } = parts;
    const catalogue = new Catalogue((service) => this.#hub.onChanged(service));
    this.#hub = new Hub(clock, catalogue);
    const watch = (path: string, kind: ObjectKind, place: TellerPlace): Watch =>
      new Watch(
        path,
        {
          onList: (items) => catalogue.replace(kind, items),
          onPut: (object) => catalogue.put(kind, object),
          onRemoved: (object) => catalogue.remove(kind, nameOf(object)),
        },
        {
          api,
          clock,
          random,
          onFailed: (why) => parts.onFailed(place, why),
          onMended: () => parts.onMended(place),
        },
      );
    this.#watches = [
      watch('/api/v1/services', 'services', 'services'),
      watch('/apis/discovery.k8s.io/v1/endpointslices', 'slices', 'endpoint-slices'),
    ];
    this.#server = new StreamServer({
      clock,
      random,
      hub: this.#hub,
      reviewer: new TokenReviewer(api, clock),
      isFilled: () => this.isFilled,
      onFailed: (why) => parts.onFailed('token-review', why),
    });
  }

  /** Whether the whole cluster has been read. */
  get isFilled(): boolean {
    return this.#watches.every((watch) => watch.isFilled);
  }

  get figures(): { readonly streams: number; readonly lines: number } {
    return { streams: this.#server.streams, lines: this.#hub.linesSent };
  }

  async start(address: ListenAddress): Promise<ListenAddress> {
    for (const watch of this.#watches) watch.start();
    return this.#server.listen(address);
  }

  show(pair: KeyPair, trust: string | null): void {
    this.#server.show(pair, trust);
  }

  async stop(overMs: number): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.stop()));
    this.#hub.stop();
    await this.#server.close(overMs);
  }
}

function nameOf(object: unknown): string {
  const metadata = member(object, 'metadata');
  return `${textAt(metadata, 'namespace') ?? ''}/${textAt(metadata, 'name') ?? ''}`;
}
