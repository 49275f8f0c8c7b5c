/**
 * V8's settings, made before anything else is loaded. A proxy's objects die young and its live heap is a few megabytes:
 * with V8's defaults, meant for large programs, the same relay takes half as much memory again for nothing.
 */
import { setFlagsFromString } from 'node:v8';

// Without the middle compiler: its work on several threads leaves 20 MB behind (57 of anonymous memory under load
// became 36), and a request's cost, which is nearly all system calls, stays the same within the noise.
setFlagsFromString('--no-maglev');
// So nothing stands between the first compiler and the last, which waits for 3,000 calls of a function: at a few requests
// a second that is an hour. With 300 a one-request client costs 0.87 of it, PHP's pages 0.8, and 0.6 MB more.
setFlagsFromString('--invocation-count-for-turbofan=300');
// A young generation of 2 MB that does not grow.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--min-semi-space-size=1');
setFlagsFromString('--max-semi-space-size=1');
// Collect before the old generation has doubled.
setFlagsFromString('--heap-growing-percent=20');
