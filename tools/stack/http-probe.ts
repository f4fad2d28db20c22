/** A health check by HTTP: a part is healthy when it answers 200 in time. */
import { RollguardError } from '../../kernel/errors.ts';

const answerTimeoutMs = 3_000;

/** @throws STACK_START with the status or the reason why there was none. */
export async function checkHttp(url: string): Promise<void> {
  let status: number;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs) });
    await response.arrayBuffer();
    status = response.status;
  } catch (error) {
    throw new RollguardError('STACK_START', `GET ${url} got no answer`, { cause: error });
  }
  if (status !== 200) throw new RollguardError('STACK_START', `GET ${url} answered ${status}`);
}
