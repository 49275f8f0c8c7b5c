/** For whom the injected tokens are made: a token for the API server is worth nothing to us, nor ours to it. */
export const AUDIENCE = 'sidepool.io';
