/** `rollguard locks manual-release` and `audit` as a shell sees them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { auditIdOf } from '../../topology/guard/audit.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { tokenEntry } from '../support/admin-settings.ts';
import { auditRecordOf, lockOf, missingPartition } from '../support/fake-guard.ts';
import { openGuardWindows, tenant, type GuardWindows } from '../support/guard-fronts.ts';

const id = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0001';
const secret = 'open-sesame';
const released = lockOf({ lockId: id, tenantId: tenant }, seededRandom(3));
const actor = ['--actor-id', 'u-17', '--actor-name', 'Maija', '--reason', 'guest moved'];
let windows: GuardWindows;

beforeAll(async () => {
  const tokens = tokenEntry('desk', secret, [tenant]);
  windows = await openGuardWindows(true, { AVAILABILITY_GUARD_ADMIN_TOKENS: tokens });
});
afterEach(() => {
  windows.guard.asked.length = 0;
  windows.guard.instead = {};
});
afterAll(() => windows.close());

async function locks(args: readonly string[], token = secret) {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env: {
      ...{ ROLLGUARD_URL: windows.httpUrl, ROLLGUARD_TENANT_ID: tenant },
      ROLLGUARD_ADMIN_TOKEN: token,
    },
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['locks', ...args], context);
  return { exitCode, out, err };
}

describe('rollguard locks manual-release', () => {
  test('sends who does it and who is told, and prints the audit record', async () => {
    windows.guard.instead = {
      release: () => Promise.resolve({ status: 'RELEASED', lock: released, isRepeat: false }),
    };
    const { out, exitCode } = await locks([
      ...['manual-release', id, ...actor, '--actor-email', 'm@hotel.example'],
      ...['--reservation', id, '--notify', '#front', 'a@hotel.example'],
    ]);

    expect([exitCode, out]).toEqual([0, `RELEASED, audit record ${auditIdOf(released)}\n`]);
    expect(windows.guard.asked[0]?.request).toMatchObject({
      ...{ tenantId: tenant, lockId: id, reservationId: id, reason: 'guest moved' },
      manual: {
        actor: { id: 'u-17', name: 'Maija', email: 'm@hotel.example', tokenId: 'desk' },
        recipients: ['#front', 'a@hotel.example'],
      },
    });
  });

  test('with --dry-run shows the request but not the token', async () => {
    const { out, exitCode } = await locks(['manual-release', id, ...actor, '--dry-run', '--json']);

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      request: { headers: { 'x-guard-admin-token': '(not shown)' }, body: { actorId: 'u-17' } },
    });
    expect(windows.guard.asked).toEqual([]);
  });

  test('without a token says where it comes from; with a wrong one that it was refused', async () => {
    const missing = await locks(['manual-release', id, ...actor], '');
    const wrong = await locks(['manual-release', id, ...actor], 'wrong-sesame');

    expect([missing.exitCode, missing.err]).toEqual([
      expect.any(Number),
      expect.stringContaining('ROLLGUARD_ADMIN_TOKEN is not set'),
    ]);
    expect([missing.exitCode, wrong.exitCode]).not.toContain(0);
    expect(wrong.err).toContain('header x-guard-admin-token: is missing or not one of');
    expect(wrong.err).not.toContain('sesame');
  });
});

describe('rollguard locks audit', () => {
  test('prints the records of a lock, or of the tenant', async () => {
    const record = auditRecordOf({ lockId: id, tenantId: tenant }, seededRandom(1));
    windows.guard.instead = {
      lockAudit: () => Promise.resolve([record]),
      searchAudit: () => Promise.resolve({ records: [record], missing: [] }),
    };
    const ofLock = await locks(['audit', id]);
    const ofTenant = await locks(['audit', '--limit', '7', '--json']);

    expect(ofLock.out).toMatch(/^\S+Z {2}CREATED +0b6f5b5e\S+ {2}version \d+ {2}HOLD by api\n$/);
    expect(JSON.parse(ofTenant.out)).toMatchObject({ records: [{ lockId: id }] });
    expect(windows.guard.asked.map(({ request }) => request)).toEqual([
      { lockId: id, tenantIds: [tenant], limit: 100 },
      { tenantIds: [tenant], limit: 7 },
    ]);
  });

  test('takes what there is with --partial, and says on stderr what is missing', async () => {
    const found = { records: [], missing: [missingPartition(2)] };
    windows.guard.instead = { searchAudit: () => Promise.resolve(found) };
    const refused = await locks(['audit']);
    const partial = await locks(['audit', '--partial']);

    expect(refused.exitCode).toBe(1);
    expect(refused.err).toContain('no answer from guard_2; try again shortly');
    expect(partial).toEqual({
      ...{ exitCode: 0, out: 'no records\n' },
      err: 'locks: guard_2 is missing: NOT_READY: guard_2 is not served\n',
    });
  });

  test('says when there is none', async () => {
    const none = { records: [], missing: [] };
    windows.guard.instead = { searchAudit: () => Promise.resolve(none) };

    expect(await locks(['audit'])).toMatchObject({ exitCode: 0, out: 'no records\n' });
  });
});
