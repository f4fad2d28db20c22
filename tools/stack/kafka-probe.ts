/**
 * Asks a broker for the cluster's brokers, in Kafka's own protocol over a socket of its own: a health
 * check that needs no client library and leaves nothing behind. A broker that is still starting lists
 * none.
 */
import { connect } from 'node:net';
import { RollguardError } from '../../kernel/errors.ts';

const answerTimeoutMs = 2_000;
const metadataKey = 3;
/** The last version whose fields have fixed places (no tagged fields). */
const metadataVersion = 4;
const correlationId = 1;
const answerBytesMax = 1024 * 1024;
/** After the size: correlation id and throttle time come before the number of brokers. */
const brokerCountOffset = 8;

/** @param broker - `host:port`. @throws KAFKA_UNAVAILABLE */
export async function checkKafka(broker: string): Promise<void> {
  const answer = await ask(broker, metadataRequest());
  const brokers = answer.readInt32BE(brokerCountOffset);
  if (answer.readInt32BE(0) === correlationId && brokers > 0) return;
  throw new RollguardError('KAFKA_UNAVAILABLE', `${broker} does not serve requests yet`);
}

/** Size, header (key, version, correlation id, no client id), no topics, no auto creation. */
export function metadataRequest(): Buffer {
  const request = Buffer.alloc(19);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(metadataKey, 4);
  request.writeInt16BE(metadataVersion, 6);
  request.writeInt32BE(correlationId, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}

function ask(broker: string, request: Buffer): Promise<Buffer> {
  const [host = '', port = ''] = broker.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let received = Buffer.alloc(0);
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new RollguardError('KAFKA_UNAVAILABLE', `${broker}: ${reason}`));
    };
    socket.setTimeout(answerTimeoutMs, () => fail(`no answer in ${answerTimeoutMs} ms`));
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('closed the connection'));
    socket.once('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const size = received.length < 4 ? undefined : received.readInt32BE(0);
      if (size === undefined) return;
      if (size > answerBytesMax || size < brokerCountOffset + 4) fail('is not a Kafka broker');
      if (received.length < size + 4) return;
      resolve(received.subarray(4, size + 4));
      socket.destroy();
    });
  });
}
