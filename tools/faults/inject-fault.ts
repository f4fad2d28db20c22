/** Lets one fault of the plan happen. What lasts goes on while the next ones come, on other instances. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { System } from '../start/system.ts';
import type { PartName } from '../stack/stack-state.ts';
import { describeFault, type Fault, type FaultAction } from './fault-plan.ts';
import type { Fleet } from './fleet.ts';
import type { Instance } from './instance.ts';

const mendAfterMs = 500;

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
      return instance.start();
    case 'terminate':
      await fleet.stop(instance);
      return instance.start();
    case 'lose-state':
      await instance.kill();
      instance.loseState();
      return instance.start();
    case 'clock':
      await instance.kill();
      instance.setSkew(fault.skewMs);
      return instance.start();
    case 'freeze':
      return instance.freezeFor(fault.lastsMs);
    case 'disk-full':
      return instance.fillDiskFor(fault.lastsMs);
    case 'cut': {
      const { how } = fault;
      return instance.linkFor(
        fault.lastsMs,
        (link) => link.cut(how),
        (link) => link.mend(),
      );
    }
    case 'delay': {
      const { delayMs } = fault;
      return instance.linkFor(
        fault.lastsMs,
        (link) => link.delay(delayMs),
        (link) => link.delay(0),
      );
    }
  }
}

async function killPart(name: PartName, { system, clock, signal }: InjectOptions): Promise<void> {
  const part = system.stack.parts.find((each) => each.name === name);
  if (part === undefined) throw new RollguardError('STACK_START', `the stack has no ${name}`);
  process.kill(part.pid, 'SIGKILL');
  await clock.sleep(mendAfterMs, signal);
  await system.mendStack();
}
