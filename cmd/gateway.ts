/** The sidecar's entry point. V8's settings come first: they count for what is loaded after them. */
import '../src/cli/v8-flags.ts';

export { runGateway } from '../src/cli/run-gateway.ts';
