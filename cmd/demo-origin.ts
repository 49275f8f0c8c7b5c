/** The demo's origin, a process of its own. */
import { serveOrigin } from '../src/cli/demo/origin.ts';

serveOrigin();
