/** How an endpoint is named in messages, metrics and `/pools`: `192.0.2.1:443`, `[2001:db8::1]:443`. */
export function endpointName({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
