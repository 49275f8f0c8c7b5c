/** Where an exchange is. */
export type ExchangeState =
  /** A small body is awaited, before a connection is. */
  | 'gathering'
  /** A connection is awaited. */
  | 'waiting'
  /** A lease is held, and one turn of the loop passes before it is used. */
  | 'turning'
  /** The whole body is awaited, because the upstream cannot take it in chunks. */
  | 'collecting'
  /** The request is on its way, or its response. */
  | 'attached'
  /** An attempt follows after a pause. */
  | 'pausing'
  | 'done';
