/** What a replay tells Prometheus, against a server that stands in for its Pushgateway. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { noSummary } from '../../../topology/roll/replay-report.ts';
import { pushSummary } from '../../../tools/replay/push-summary.ts';

interface Pushed {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

const summary = {
  ...{ ...noSummary, matches: 7, mismatches: 2, missingInShadow: 3, extraInShadow: 1 },
};
let gateway: Server;
let url = '';
let status = 202;
let pushed: Pushed[] = [];

beforeEach(async () => {
  pushed = [];
  status = 202;
  gateway = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
    request.on('end', () => {
      pushed.push({ method: request.method, url: request.url, body });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
});
afterEach(() => {
  gateway.closeAllConnections();
  gateway.close();
});

async function push(to: string): Promise<readonly string[]> {
  const told: string[] = [];
  await pushSummary(to, summary, (line) => told.push(line));
  return told;
}

describe('the counts of a replay', () => {
  test('take the place of those of the last run, under a job of their own', async () => {
    expect(await push(url)).toEqual([]);
    expect(pushed.map(({ method, url: path }) => [method, path])).toEqual([
      ['PUT', '/metrics/job/roll_replay'],
    ]);
    expect(pushed[0]?.body.split('\n').filter((line) => /^\w/.test(line))).toEqual([
      'roll_service_replay_matches_total 7',
      'roll_service_replay_mismatches_total 2',
      'roll_service_replay_missing_total 3',
      'roll_service_shadow_replay_delta_total 6',
    ]);
  });

  test('go nowhere where no gateway is set', async () => {
    expect(await push('')).toEqual([]);
    expect(pushed).toEqual([]);
  });

  test('that a gateway refuses, or that none takes, are told and nothing else', async () => {
    status = 500;
    const refused = await push(url);
    const nobody = await push('http://127.0.0.1:1');

    expect(refused).toEqual([
      expect.stringMatching(/not pushed \(ROLLGUARD_PUSHGATEWAY_URL\).*500/),
    ]);
    expect(nobody).toEqual([expect.stringMatching(/not pushed .*ECONNREFUSED/)]);
  });
});
