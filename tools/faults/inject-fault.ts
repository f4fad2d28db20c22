/** Lets one fault of the plan happen. What lasts goes on while the next ones come, on other instances. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import type { System } from '../start/system.ts';
import type { PartName } from '../stack/stack-state.ts';
import { describeFault, type Fault, type FaultAction } from './fault-plan.ts';
import type { Fleet } from './fleet.ts';
import type { Instance } from './instance.ts';
import type { KafkaProxy } from './kafka-proxy.ts';

const mendAfterMs = 500;
const mendAttemptsMax = 3;

export interface InjectOptions {
  readonly system: Pick<System, 'stack' | 'mendStack'>;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** @param name of the fault among all, for whoever follows. */
export async function injectFault(
  fault: Fault,
  name: string,
  options: InjectOptions,
): Promise<void> {
  const { fleet, clock, signal, progress } = options;
  if ('instance' in fault) {
    const instance = fleet.instance(fault.instance);
    await instance.calm();
    // One that has not taken over yet has nothing in its hands that a kill could tear.
    if (!('isHasty' in fault && fault.isHasty)) await fleet.ready(instance);
  }
  await clock.sleep(fault.afterMs, signal);
  signal.throwIfAborted();
  progress(`faults: ${name} ${describeFault(fault)}`);
  if ('instance' in fault) await onInstance(fault, fleet.instance(fault.instance), fleet);
  else if (fault.kind === 'scale') await fleet.scale(fault.instances);
  else await killPart(fault.kind, options);
}

async function onInstance(
  fault: Extract<FaultAction, { readonly instance: number }>,
  instance: Instance,
  fleet: Fleet,
): Promise<void> {
  switch (fault.kind) {
    case 'kill':
      await instance.kill();
      instance.start();
      break;
    case 'terminate':
      await fleet.stop(instance);
      instance.start();
      break;
    case 'lose-state':
      await instance.kill();
      instance.loseState();
      instance.start();
      break;
    case 'clock':
      await instance.kill();
      instance.setSkew(fault.skewMs);
      instance.start();
      break;
    case 'freeze':
      instance.freezeFor(fault.lastsMs);
      break;
    case 'disk-full':
      instance.fillDiskFor(fault.lastsMs);
      break;
    case 'cut': {
      const { how, lastsMs } = fault;
      const begin = (link: KafkaProxy): void => link.cut(how);
      instance.linkFor(lastsMs, begin, (link) => link.mend());
      break;
    }
    case 'delay': {
      const { delayMs, lastsMs } = fault;
      const begin = (link: KafkaProxy): void => link.delay(delayMs);
      instance.linkFor(lastsMs, begin, (link) => link.delay(0));
      break;
    }
  }
}

async function killPart(name: PartName, options: InjectOptions): Promise<void> {
  const { system, clock, signal } = options;
  const part = system.stack.parts.find((each) => each.name === name);
  if (part === undefined) throw new RollguardError('STACK_START', `the stack has no ${name}`);
  process.kill(part.pid, 'SIGKILL');
  await clock.sleep(mendAfterMs, signal);
  await mend(options);
}

/** A stack that cannot mend itself in time, as on a busy machine, has stopped: it is started whole. */
async function mend({ system, signal, progress }: InjectOptions): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await system.mendStack();
      return;
    } catch (error) {
      if (signal.aborted || attempt === mendAttemptsMax) throw error;
      progress(`faults: once more, since the stack did not come up: ${messageOf(error)}`);
    }
  }
}
