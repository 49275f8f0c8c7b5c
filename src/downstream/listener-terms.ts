import type { ClientOptions } from './options.ts';

/** What a listener's connections look at again and again: a reload may change it under them. */
export interface ListenerTerms {
  client: ClientOptions;
  /** The listener is going away: each connection ends with its exchange. */
  isRetired: boolean;
}
