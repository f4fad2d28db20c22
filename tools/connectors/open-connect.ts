/**
 * A warning for a Connect REST interface that anyone can use: who reaches it reads and changes
 * connectors, and through them the database. On a loopback address that is this machine alone.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import type { CliContext } from '../cli-context.ts';

const probeTimeoutMs = 3_000;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Every address that a host name stands for. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Says it once on stderr. @returns the warnings, for `--json`. */
export async function warnOfOpenConnect(
  url: string,
  cli: Pick<CliContext, 'progress'>,
  resolve = systemResolve,
): Promise<readonly string[]> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (!(await isElsewhere(host, resolve)) || !(await answersAnyone(url))) return [];
  const warning =
    `Kafka Connect at ${url} answers without authentication on an address that is not loopback: whoever ` +
    'reaches it can read and change connectors; bind it to loopback, or put authentication before it';
  cli.progress(`warning: ${warning}`);
  return [warning];
}

/** A name that cannot be resolved here, behind a proxy say, counts as elsewhere. */
async function isElsewhere(host: string, resolve: Resolve): Promise<boolean> {
  const addresses = isIP(host) === 0 ? await resolve(host).catch(() => ['0.0.0.0']) : [host];
  return addresses.some(
    (address) => !loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
  );
}

async function answersAnyone(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(probeTimeoutMs);
    return (await fetch(`${url}/connectors`, { signal })).ok;
  } catch {
    return false;
  }
}
