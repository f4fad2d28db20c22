/** Business dates by the clock, through the real topology: each closes once, whoever owns the property. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { KafkaStreams } from '../../../streams/index.ts';
import { propertyKey } from '../../../topology/roll/roll-messages.ts';
import { rollSubTopologies } from '../../../topology/roll/roll-topology.ts';
import { RollingHotel, type RollingHotelOptions } from '../../support/rolling-hotel.ts';
import { micros, propertyId, reservationColumns, tenantId } from './roll-fixtures.ts';

jest.setTimeout(60_000);

const helsinki = 'Europe/Helsinki';
const hotels: RollingHotel[] = [];

function hotelByClock(options: RollingHotelOptions = {}): RollingHotel {
  const hotel = new RollingHotel({ businessDates: 'clock', ...options });
  hotels.push(hotel);
  return hotel;
}

afterEach(async () => {
  for (const hotel of hotels.splice(0)) await hotel.close();
});

function owns(streams: KafkaStreams): boolean {
  const { property: subTopology } = rollSubTopologies;
  const key = Buffer.from(propertyKey(tenantId, propertyId));
  const partition = streams.partitionOf(subTopology, key);
  return streams.ownerOf({ subTopology, partition }).isHere;
}

const inHouse = reservationColumns({
  status: 'CHECKED_IN',
  actual_check_in: micros('2026-05-10T12:00:00Z'),
});

describe('business dates by the clock', () => {
  test('need no captured business dates: a night is booked at 03:00 of the property', async () => {
    const hotel = hotelByClock();
    await hotel.start();
    hotel.captureProperty(helsinki);
    hotel.capture('reservations', inHouse);
    await hotel.settle();
    expect(hotel.closings()).toEqual(['2026-05-09']);
    await hotel.at('2026-05-10T23:59:50Z');
    expect(await hotel.said()).toEqual([]);
    await hotel.at('2026-05-11T00:00:00Z');

    expect(hotel.closings()).toEqual(['2026-05-10']);
    expect(await hotel.said()).toEqual(['EOD 2026-05-10']);
    expect(hotel.events()).toMatchObject([{ kind: 'CREATED', adjustment: false }]);
    expect((await hotel.property()).days).toMatchObject([{ roomsSold: 1 }]);
  });

  test.each([
    ['spring', '2026-03-27', '2026-03-28T22:00:00Z', '2026-03-29T01:00:00Z'],
    ['autumn', '2026-10-23', '2026-10-24T22:00:00Z', '2026-10-25T00:00:00Z'],
  ])('roll the %s night once, though its clocks change', async (_name, before, evening, three) => {
    const hotel = hotelByClock({ startsAt: `${before}T12:00:00Z` });
    await hotel.start();
    hotel.captureProperty(helsinki);
    await hotel.settle();
    await hotel.at(evening);
    hotel.closings();
    const closings: string[] = [];
    for (
      let ms = Date.parse(three) - 2_700_000;
      ms <= Date.parse(three) + 10_000_000;
      ms += 900_000
    ) {
      await hotel.at(new Date(ms).toISOString());
      const closed = hotel.closings();
      if (closed.length > 0) expect(ms).toBe(Date.parse(three));
      closings.push(...closed);
    }

    expect(closings).toEqual([evening.slice(0, 10)]);
  });

  test('of several missed nights close each in order, once, when the service is back', async () => {
    const hotel = hotelByClock();
    const first = await hotel.start();
    hotel.captureProperty(helsinki);
    hotel.capture('reservations', inHouse);
    await hotel.settle();
    hotel.closings();
    await hotel.stop(first);
    hotel.clock.leapTo('2026-05-14T12:00:00Z');
    await hotel.start();
    await hotel.settle();

    const missed = ['2026-05-10', '2026-05-11', '2026-05-12', '2026-05-13'];
    expect(hotel.closings()).toEqual(missed);
    expect(await hotel.said()).toEqual(missed.map((night) => `EOD ${night}`));
    expect(hotel.events().map(({ adjustment }) => adjustment)).toEqual(missed.map(() => false));
  });

  test('wait for a zone that arrives late; the first one closed stands for all before', async () => {
    const hotel = hotelByClock({ startsAt: '2026-05-12T12:00:00Z' });
    await hotel.start();
    hotel.capture('reservations', inHouse);
    await hotel.settle();
    await hotel.at('2026-05-13T12:00:00Z');
    expect(hotel.closings()).toEqual([]);
    hotel.captureProperty(helsinki);
    await hotel.settle();

    expect(hotel.closings()).toEqual(['2026-05-12']);
    expect(await hotel.said()).toEqual(['EOD 2026-05-10', 'EOD 2026-05-11', 'EOD 2026-05-12']);
  });

  test.each([0, 100, 300, 600, 900, 1_500])(
    'roll once when the owner changes %i ms after 03:00',
    async (afterMs) => {
      const hotel = hotelByClock();
      await hotel.start('one');
      await hotel.start('two');
      hotel.captureProperty(helsinki);
      hotel.capture('reservations', inHouse);
      await hotel.settle();
      hotel.closings();
      const owner = hotel.instances.find((each) => owns(each))!;
      hotel.clock.leapTo('2026-05-11T00:00:00Z');
      await hotel.settle(afterMs);
      await hotel.stop(owner);
      await hotel.settle(10_000);

      expect(hotel.closings()).toEqual(['2026-05-10']);
      expect(await hotel.said()).toEqual(['EOD 2026-05-10']);
    },
  );

  test('roll once when the owner is cut off at 03:00 and comes back when another has taken over', async () => {
    const hotel = hotelByClock();
    const names = ['one', 'two'];
    for (const name of names) await hotel.start(name);
    hotel.captureProperty(helsinki);
    await hotel.settle();
    hotel.closings();
    const [lost] = names.filter((_name, index) => owns(hotel.instances[index]!));
    hotel.clock.leapTo('2026-05-11T00:00:00Z');
    await hotel.settle(300);
    hotel.kafka.faults = ({ client }) => (client === lost ? 'lose-request' : 'ok');
    await hotel.settle(40_000);
    expect(owns(hotel.instances[lost === 'one' ? 1 : 0]!)).toBe(true);
    expect(hotel.closings()).toEqual(['2026-05-10']);
    hotel.kafka.faults = () => 'ok';
    await hotel.settle(40_000);

    expect(hotel.closings()).toEqual([]);
    expect((await hotel.property()).lastClosedDate).toBe('2026-05-10');
  });

  test('close once what two owners wrote down', async () => {
    const hotel = hotelByClock();
    await hotel.start();
    hotel.captureProperty(helsinki);
    await hotel.settle();
    await hotel.at('2026-05-11T00:00:00Z');
    hotel.closings();
    hotel.closeByHand('2026-05-10');
    await hotel.settle();

    expect(hotel.closings()).toEqual([]);
    expect((await hotel.property()).lastClosedDate).toBe('2026-05-10');
  });

  test('are written down once while the record is under way', async () => {
    const hotel = hotelByClock();
    await hotel.start();
    hotel.captureProperty(helsinki);
    await hotel.settle();
    hotel.read('test-closed-dates');
    await hotel.at('2026-05-11T00:00:00Z');
    await hotel.settle(30_000);

    expect(hotel.read('test-closed-dates')).toHaveLength(1);
  });
});
