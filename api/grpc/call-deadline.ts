/** The deadline a gRPC caller named, which the library gives in two forms. */
import type { ServerUnaryCall } from '@grpc/grpc-js';

/** Milliseconds since 1970; infinite when none was named. */
export function deadlineMsOf(call: Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline'>): number {
  const deadline = call.getDeadline();
  return typeof deadline === 'number' ? deadline : deadline.getTime();
}
