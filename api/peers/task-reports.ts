/**
 * Where every task of every service runs and how far it is: each instance is asked for its own, and what
 * nobody answers for is named.
 */
import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import { standbyStatus, type TaskReport } from '../../streams/index.ts';
import type { StreamsService } from '../streams-service.ts';
import type { PeerCall, PeerCalls } from './peer-calls.ts';

/** Asked of no sub-topology: the instance's own tasks. */
export const tasksRequest: Omit<PeerCall, 'applicationId'> = {
  ...{ subTopology: '', partition: 0, request: 'tasks' },
};

const askTimeoutMs = 2_000;

const taskShape = z.object({
  task: z.string(),
  owner: z.string().nullable().describe('host:port of the instance that has it; null: not known'),
  status: z
    .string()
    .describe('running, restoring, … as its instance says; unknown: nobody answers for it'),
  lagRecords: z.number().nullable().describe('fetched or waiting on the broker, not processed yet'),
  position: z.number().nullable().describe('offset of its changelog that queries reflect'),
  progress: z.string().nullable().describe('of a restore, with an estimate'),
  standbys: z
    .array(
      z.object({
        address: z.string().describe('host:port of the instance that follows the task'),
        lagRecords: z.number().nullable().describe("behind its changelog's end; null: not known"),
        position: z.number().nullable().describe('offset of the changelog it has come to'),
      }),
    )
    .describe('instances that follow its state; null where one does not answer'),
});
export const partitionsBody = z.object({
  services: z.array(
    z.object({
      name: z.string(),
      applicationId: z.string(),
      tasks: z.array(taskShape),
      unanswered: z.array(z.object({ address: z.string(), reason: z.string() })),
    }),
  ),
});
export type PartitionsBody = z.infer<typeof partitionsBody>;
type ServiceTasks = PartitionsBody['services'][number];
type TaskBody = z.infer<typeof taskShape>;
type OwnedTask = Omit<TaskBody, 'standbys'>;
type StandbyBody = TaskBody['standbys'][number];

export async function reportTasks(
  services: readonly StreamsService[],
  { peers, clock }: { readonly peers: PeerCalls; readonly clock: Clock },
): Promise<PartitionsBody> {
  const reports = await Promise.all(
    services.map((service) =>
      reportOf(service, { peers, deadlineMs: clock.nowMs() + askTimeoutMs }),
    ),
  );
  return { services: reports };
}

async function reportOf(
  service: StreamsService,
  { peers, deadlineMs }: { readonly peers: PeerCalls; readonly deadlineMs: number },
): Promise<ServiceTasks> {
  const { name, applicationId, applicationServer } = service;
  const owned = new Map<string, OwnedTask>();
  const followed = new Map<string, StandbyBody[]>();
  const unanswered: { address: string; reason: string }[] = [];
  const planned = service.plannedTasks();
  const note = (owner: string | undefined, reports: readonly TaskReport[]): void => {
    for (const report of reports) {
      const { task, status, lag = null, position = null } = report;
      if (status !== standbyStatus) {
        owned.set(task, taskBody(report, owner));
        continue;
      }
      const standby = { address: owner ?? '', lagRecords: lag, position };
      followed.set(task, [...(followed.get(task) ?? []), standby]);
    }
  };
  note(applicationServer, service.taskReports());
  const addresses = new Set(
    planned.flatMap(({ address, standbyAddresses }) => [
      ...(address === undefined ? [] : [address]),
      ...standbyAddresses,
    ]),
  );
  await Promise.all(
    [...addresses].map(async (address) => {
      try {
        const call = { applicationId, ...tasksRequest };
        const reports = await peers.call(address, call, { deadlineMs, isWrite: false });
        note(address, reports as readonly TaskReport[]);
      } catch (error) {
        unanswered.push({ address, reason: messageOf(error) });
      }
    }),
  );
  const tasks = planned.map(({ task, address, standbyAddresses }) => {
    const answered = followed.get(task) ?? [];
    const silent = standbyAddresses
      .filter((one) => !answered.some((standby) => standby.address === one))
      .map((one) => ({ address: one, lagRecords: null, position: null }));
    const body = owned.get(task) ?? unknownTask(task, address);
    return { ...body, standbys: [...answered, ...silent] };
  });
  return { name, applicationId, tasks, unanswered };
}

function taskBody(report: TaskReport, owner: string | undefined): OwnedTask {
  const { task, status, lag, position, progress } = report;
  return {
    ...{ task, owner: owner ?? null, status, lagRecords: lag ?? null },
    ...{ position: position ?? null, progress: progress ?? null },
  };
}

function unknownTask(task: string, address: string | undefined): OwnedTask {
  const nothing = { lagRecords: null, position: null, progress: null };
  return { task, owner: address ?? null, status: 'unknown', ...nothing };
}
