/** The HTTP API as a command uses it: one tenant, one request, answers or errors that say what to do. */
import { randomUUID } from 'node:crypto';
import { errorCodes, type ErrorCode } from '../kernel/error-codes.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { CliContext } from './cli-context.ts';
import { offlineSettings } from './application-settings.ts';

export interface ApiClientFlags {
  readonly url?: string;
  readonly tenant?: string;
  readonly correlationId?: string;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Sent, and never shown. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Longer than the server lets a call wait. */
const answerTimeoutMs = 15_000;
/** Nothing was sent when it fails like this. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

export class ApiClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** As an error names it, e.g. `the guard`. */
  readonly #service: string;

  /** @throws CONFIG_INVALID */
  constructor(flags: ApiClientFlags, cli: CliContext, service = 'the guard') {
    this.#service = service;
    this.#url = baseUrl(flags, cli);
    this.#headers = {
      'x-tenant-id': tenantOf(flags, cli),
      'x-correlation-id': flags.correlationId ?? randomUUID(),
    };
  }

  /** The request as it would be sent. */
  described(request: ApiRequest): object {
    const { method, body } = request;
    const secrets = Object.keys(request.secretHeaders ?? {}).map((name) => [name, '(not shown)']);
    const headers = { ...this.#headers, ...(Object.fromEntries(secrets) as object) };
    const base = { method, url: this.#urlOf(request), headers };
    return body === undefined ? base : { ...base, body };
  }

  /** @throws the error that the answer names; API_UNAVAILABLE; OUTCOME_UNKNOWN of a write without answer */
  async ask(request: ApiRequest): Promise<ApiAnswer> {
    const { method, body } = request;
    const response = await this.#fetch(request, {
      method,
      headers: {
        ...this.#headers,
        ...request.secretHeaders,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    const { status } = response;
    const isAnswer = status === 200 || status === 409;
    const answer = await jsonOf(response);
    if (isAnswer && answer !== undefined) return { status, body: answer };
    throw this.#errorOf(status, answer);
  }

  async #fetch(request: ApiRequest, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#urlOf(request), init);
    } catch (cause) {
      const isSent = !neverSent.has(systemCodeOf(cause));
      if (request.method !== 'GET' && isSent) {
        const message = `no answer from ${this.#url}: whether it was done is unknown; the same command again finds out`;
        throw new RollguardError('OUTCOME_UNKNOWN', message, { cause });
      }
      const message = `no Rollguard answers at ${this.#url}; start it, or name another with --url`;
      throw new RollguardError('API_UNAVAILABLE', message, { cause });
    }
  }

  #urlOf({ path, query = {} }: ApiRequest): string {
    const url = new URL(`${this.#url}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.toString();
  }

  #errorOf(status: number, answer: unknown): RollguardError {
    const { code, detail } = (answer ?? {}) as { code?: unknown; detail?: unknown };
    if (typeof detail !== 'string' || typeof code !== 'string') {
      const message = `${this.#url} answers ${status}, but not as Rollguard does; check --url`;
      return new RollguardError('API_UNAVAILABLE', message);
    }
    const isRoute = detail.startsWith('no route ');
    const message = isRoute ? `${detail}: ${this.#service} does not run at ${this.#url}` : detail;
    return new RollguardError(isErrorCode(code) ? code : 'API_UNAVAILABLE', message);
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

function systemCodeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'none';
}

function isErrorCode(code: string): code is ErrorCode {
  return code in errorCodes;
}

function tenantOf({ tenant }: ApiClientFlags, cli: CliContext): string {
  const found = tenant ?? cli.env['ROLLGUARD_TENANT_ID'] ?? '';
  if (found !== '') return found;
  const message = 'of which tenant: give --tenant, or set ROLLGUARD_TENANT_ID';
  throw new RollguardError('CONFIG_INVALID', message);
}

/** Of the HTTP API that a command asks. @throws CONFIG_INVALID */
export function baseUrl({ url }: Pick<ApiClientFlags, 'url'>, cli: CliContext): string {
  const given = url ?? cli.env['ROLLGUARD_URL'] ?? '';
  if (given === '') return ownUrl(cli);
  if (/^https?:\/\//.test(given) && URL.canParse(given)) return given.replace(/\/+$/, '');
  const message = `--url or ROLLGUARD_URL is ${given}: it must be an http(s) URL`;
  throw new RollguardError('CONFIG_INVALID', message);
}

/** Of the application with these settings on this machine. */
function ownUrl(cli: CliContext): string {
  const { HTTP_HOST: host, HTTP_PORT: port } = offlineSettings(cli);
  if (port === 0) {
    const message = 'HTTP_PORT=0 picks a port anew each time; name the address with --url';
    throw new RollguardError('CONFIG_INVALID', message);
  }
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
