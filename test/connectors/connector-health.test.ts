/** What Connect's states mean, and what is left of a Java trace. */
import { describe, expect, test } from '@jest/globals';
import { traceSummary, verdictOf, type Verdict } from '../../connectors/connector-health.ts';
import type { ConnectorStatus } from '../../connectors/connect-client.ts';

const statusOf = (state: string, ...tasks: string[]): ConnectorStatus => ({
  connector: { state, worker: 'w' },
  tasks: tasks.map((taskState, id) => ({ id, state: taskState, worker: 'w' })),
});

describe('the verdict on a connector', () => {
  test.each<[ConnectorStatus | undefined, Verdict]>([
    [undefined, 'missing'],
    [statusOf('RUNNING', 'RUNNING'), 'running'],
    [statusOf('RUNNING'), 'starting'],
    [statusOf('RUNNING', 'RUNNING', 'FAILED'), 'failed'],
    [statusOf('FAILED', 'RUNNING'), 'failed'],
    [statusOf('PAUSED', 'PAUSED'), 'paused'],
    [statusOf('STOPPED'), 'paused'],
    [statusOf('PAUSED', 'FAILED'), 'failed'],
    [statusOf('RUNNING', 'UNASSIGNED'), 'starting'],
    [statusOf('RESTARTING', 'RUNNING'), 'starting'],
    [statusOf('RUNNING', 'A_STATE_OF_THE_FUTURE'), 'starting'],
  ])('%j is %s', (status, verdict) => {
    expect(verdictOf(status)).toBe(verdict);
  });
});

describe('the summary of a trace', () => {
  test('keeps what happened and every cause, without frames', () => {
    const trace = [
      'org.apache.kafka.connect.errors.ConnectException: the connector stopped',
      '\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67)',
      '\tat java.base/java.lang.Thread.run(Thread.java:840)',
      'Caused by: org.postgresql.util.PSQLException: ERROR: publication does not exist',
      '  Hint: make it',
      '\t... 5 more',
      '',
    ].join('\n');

    expect(traceSummary(trace)).toEqual([
      'org.apache.kafka.connect.errors.ConnectException: the connector stopped',
      'Caused by: org.postgresql.util.PSQLException: ERROR: publication does not exist',
      '  Hint: make it',
    ]);
  });

  test('is at most six lines', () => {
    const trace = Array.from({ length: 50 }, (_, index) => `Caused by: ${index}`).join('\n');

    expect(traceSummary(trace)).toHaveLength(6);
  });
});
