/** What a broker says of its address, on its way through the proxy. */
import { describe, expect, test } from '@jest/globals';
import { AnswerRewriter } from '../../../tools/faults/answer-rewriter.ts';

const broker = { host: '127.0.0.1', port: 9_092 };
const proxyPort = 19_092;
const metadata = 3;
const fetchApi = 1;

function request(apiKey: number, correlationId: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeInt32BE(8, 0);
  bytes.writeInt16BE(apiKey, 4);
  bytes.writeInt32BE(correlationId, 8);
  return bytes;
}

function answer(correlationId: number, port: number): Buffer {
  const tail = Buffer.from('host=127.0.0.1????and more');
  tail.writeInt32BE(port, tail.indexOf('????'));
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(4 + tail.length, 0);
  bytes.writeInt32BE(correlationId, 4);
  return Buffer.concat([bytes, tail]);
}

/** What came out of it when the answers came in pieces of this size. */
function passed(pieceBytes: number): Buffer {
  const out: Buffer[] = [];
  const rewriter = new AnswerRewriter(broker, proxyPort, (bytes) => void out.push(bytes));
  rewriter.asked(request(fetchApi, 1));
  rewriter.asked(request(metadata, 2));
  rewriter.asked(request(fetchApi, 3));
  const answers = Buffer.concat([1, 2, 3].map((id) => answer(id, broker.port)));
  for (let at = 0; at < answers.length; at += pieceBytes) {
    rewriter.answered(answers.subarray(at, at + pieceBytes));
  }
  return Buffer.concat(out);
}

describe('an answer that names brokers', () => {
  test.each([1, 3, 7, 20, 1_000])(
    'names the proxy, and no other answer changes, in pieces of %s bytes',
    (pieceBytes) => {
      const expected = [answer(1, broker.port), answer(2, proxyPort), answer(3, broker.port)];

      expect(passed(pieceBytes).equals(Buffer.concat(expected))).toBe(true);
    },
  );

  test('of another broker is left as it is', () => {
    const out: Buffer[] = [];
    const rewriter = new AnswerRewriter(broker, proxyPort, (bytes) => void out.push(bytes));
    rewriter.asked(request(metadata, 2));
    rewriter.answered(answer(2, 9_093));

    expect(Buffer.concat(out).equals(answer(2, 9_093))).toBe(true);
  });
});
