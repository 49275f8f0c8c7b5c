/** The demo's entry point, apart from the gateway's: it brings its own TLS origin and certificates. */
export { runDemo } from '../src/cli/demo/run-demo.ts';
