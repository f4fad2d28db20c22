/** A task is one sub-topology × one partition; its id names its producer and its state folder. */
export interface TaskId {
  readonly subTopology: string;
  readonly partition: number;
}

/** `ledger_3`: unique within an application id. */
export function formatTaskId(id: TaskId): string {
  return `${id.subTopology}_${id.partition}`;
}

/** The transactional id: whoever initialises it last owns the task's partition of the outputs. */
export function transactionalId(applicationId: string, id: TaskId): string {
  return `${applicationId}-${formatTaskId(id)}`;
}
