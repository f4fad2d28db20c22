import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology of bench/read-modify-write.ts on Kafka Streams, run as bench/peers/peer-protocol.ts says:
 * settings in a file, answers on stdout, `get <key>` on stdin, the end of stdin stops it in order.
 */
public final class StreamsPeer {
  private static final String STORE = "values";
  private static final long READY_POLL_MS = 5;

  public static void main(String[] args) throws IOException, InterruptedException {
    Properties settings = new Properties();
    try (InputStream file = new FileInputStream(args[0])) {
      settings.load(file);
    }
    String input = (String) settings.remove("peer.input");
    String output = (String) settings.remove("peer.output");
    boolean isCached = Boolean.parseBoolean((String) settings.remove("peer.cached"));
    KafkaStreams streams = new KafkaStreams(topology(input, output, isCached), settings);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      // Any other answer would have a broken run go on as a slow one.
      Runtime.getRuntime().halt(1);
      return null;
    });
    streams.start();
    ReadOnlyKeyValueStore<String, byte[]> values = awaitStore(streams);
    say("ready");
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      byte[] value = values.get(line.substring("get ".length()));
      say("value " + (value == null ? 0 : ByteBuffer.wrap(value).getInt(0)));
    }
    streams.close(
        CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
            .withTimeout(Duration.ofSeconds(30)));
  }

  private static Topology topology(String input, String output, boolean isCached) {
    Serde<String> keys = Serdes.String();
    Serde<byte[]> values = Serdes.ByteArray();
    StoreBuilder<KeyValueStore<String, byte[]>> store =
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), keys, values);
    return new Topology()
        .addSource("input", keys.deserializer(), values.deserializer(), input)
        .addProcessor("modifier", Modifier::new, "input")
        .addStateStore(isCached ? store.withCachingEnabled() : store, "modifier")
        .addSink("output", output, keys.serializer(), values.serializer(), "modifier");
  }

  private static ReadOnlyKeyValueStore<String, byte[]> awaitStore(KafkaStreams streams)
      throws InterruptedException {
    while (true) {
      if (streams.state() == KafkaStreams.State.RUNNING) {
        try {
          return streams.store(
              StoreQueryParameters.fromNameAndType(STORE, QueryableStoreTypes.keyValueStore()));
        } catch (InvalidStateStoreException stillOpening) {
          // Asked again below.
        }
      }
      Thread.sleep(READY_POLL_MS);
    }
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static final class Modifier implements Processor<String, byte[], String, byte[]> {
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, byte[]> values;

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
      this.context = context;
      this.values = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, byte[]> record) {
      byte[] found = values.get(record.key());
      byte[] value = (found == null ? record.value() : found).clone();
      ByteBuffer count = ByteBuffer.wrap(value);
      count.putInt(0, count.getInt(0) + 1);
      values.put(record.key(), value);
      context.forward(record.withValue(value));
    }
  }
}
