/**
 * The Schema Registry over its Confluent API, by `@kafkajs/confluent-schema-registry` (its only
 * importer). The library fetches and registers; caching by id with one request in flight, retries
 * and time limits are ours, and so is decoding: its own is asynchronous for every record.
 */
import { SchemaRegistry, SchemaType, COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type { SchemaRegistryPort } from './registry.ts';

export interface RegistryClientOptions {
  /** SCHEMA_REGISTRY_URL, e.g. `http://localhost:8081` (with `/apis/ccompat/v7` for Apicurio). */
  readonly url: string;
  readonly clock: Clock;
  /** Longest wait for one answer. */
  readonly requestTimeoutMs?: number;
}

const requestTimeoutMsDefault = 10_000;
const attemptsMax = 4;
const backoffMs = 100;

export function createRegistryClient(options: RegistryClientOptions): SchemaRegistryPort {
  const { url, clock, requestTimeoutMs = requestTimeoutMsDefault } = options;
  // The library retries 5xx on its own, without an end to a hanging request: one try here, ours around it.
  const registry = new SchemaRegistry({ host: url.replace(/\/$/, ''), retry: { retries: 0 } });
  const inFlight = new Map<number, Promise<string>>();

  const ask = async <T>(what: string, request: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await withTimeout(request(), clock, requestTimeoutMs);
      } catch (error) {
        if (statusOf(error) !== undefined) throw error;
        if (attempt === attemptsMax) {
          if (isMismatch(error)) throw error;
          const message = `cannot ${what}: the Schema Registry at SCHEMA_REGISTRY_URL=${url} does not answer`;
          throw new RollguardError('REGISTRY_UNAVAILABLE', message, { cause: error });
        }
        await clock.sleep(backoffMs * 2 ** attempt);
      }
    }
  };

  const fetchSchema = async (id: number): Promise<string> => {
    try {
      const schema = await ask(`fetch schema ${id}`, () => registry.getSchema(id));
      if (isAvroType(schema)) return JSON.stringify(schema.schema({ exportAttrs: true }));
      throw new RollguardError('SCHEMA_UNKNOWN_ID', `schema ${id} is not Avro`);
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      throw new RollguardError('SCHEMA_UNKNOWN_ID', `the registry ${url} has no schema ${id}`, {
        cause: error,
      });
    }
  };

  return {
    schemaById: (id) => {
      const pending = inFlight.get(id) ?? fetchSchema(id).finally(() => inFlight.delete(id));
      inFlight.set(id, pending);
      return pending;
    },
    register: async (subject, schema) => {
      try {
        const { id } = await ask(`register ${subject}`, () =>
          registry.register(
            { type: SchemaType.AVRO, schema },
            { subject, compatibility: COMPATIBILITY.BACKWARD_TRANSITIVE },
          ),
        );
        return id;
      } catch (error) {
        throw refusal(subject, error);
      }
    },
  };
}

/**
 * The library's own word, which has no status. It sets the rule of a subject that it has just made: another
 * instance that starts at once sees the registry's default for a moment, and the right rule when it asks again.
 */
function isMismatch(error: unknown): boolean {
  return messageOf(error).includes('Compatibility does not match the configuration');
}

function refusal(subject: string, error: unknown): unknown {
  if (isMismatch(error)) {
    const wanted = COMPATIBILITY.BACKWARD_TRANSITIVE;
    const message =
      `${subject}: the registry checks its schemas by another rule (${messageOf(error)}); somebody set it, or ` +
      `a first start was cut off: PUT /config/${subject} with {"compatibility":"${wanted}"} mends it`;
    return new RollguardError('REGISTRY_REFUSED', message, { cause: error });
  }
  const status = statusOf(error);
  if (status === undefined) return error;
  const text = messageOf(error);
  return status === 409
    ? new RollguardError(
        'SCHEMA_INCOMPATIBLE',
        `${subject}: the registry refuses the schema: ${text}`,
        { cause: error },
      )
    : new RollguardError(
        'REGISTRY_REFUSED',
        `${subject}: the registry answered ${status}: ${text}`,
        { cause: error },
      );
}

/** The status of a definite answer; undefined: none came, or one that asks to try again. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const status = Number(error.status);
  // A refused connection reaches us as status 400 too, with the system's words instead of an answer.
  if (status === 400 && messageOf(error).includes('Error, status 400')) return undefined;
  // Two instances that start at once both make the subject; the second one finds it when it asks again.
  if (status === 409 && messageOf(error).includes('already exists')) return undefined;
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? status : undefined;
}

async function withTimeout<T>(request: Promise<T>, clock: Clock, timeoutMs: number): Promise<T> {
  const timer = new AbortController();
  const late = clock.sleep(timeoutMs, timer.signal).then(() => {
    throw new RollguardError('REGISTRY_UNAVAILABLE', `no answer within ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([request, late]);
  } finally {
    late.catch(() => undefined);
    timer.abort();
  }
}

/** What the library gives for an Avro schema: a type that can say its schema. */
interface AvroType {
  schema(options: { readonly exportAttrs: boolean }): unknown;
}

function isAvroType(schema: object): schema is AvroType {
  return 'schema' in schema && typeof schema.schema === 'function';
}
