import type { addressText } from '../config/addresses.ts';

/** An address to listen on, as configuration reads it. */
export type ListenAddress = Parameters<typeof addressText>[0];
