package agent;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import com.sun.management.OperatingSystemMXBean;
import dev.sealwire.demo.v1.BatchSumRequest;
import dev.sealwire.demo.v1.DemoToolServiceGrpc;
import dev.sealwire.interop.v1.EchoRequest;
import dev.sealwire.interop.v1.InteropToolServiceGrpc;
import io.grpc.Channel;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** The commands that send many calls. */
final class Loads {
  private static final int RANDOM_AT_A_TIME = 32;
  private static final int WATCHES_AT_A_TIME = 50;
  private static final int PROBLEMS_MOST = 5;

  private final Output output;
  private final Channels channels;

  Loads(Output output, Channels channels) {
    this.output = output;
    this.channels = channels;
  }

  JsonObject many(Command command) throws InterruptedException {
    var stub = DemoToolServiceGrpc.newFutureStub(channels.get(command));
    var count = (int) command.number("count", 1);
    return compare(command, count, (int) command.number("concurrency", 1), i -> stub.batchSum(numbers(i, 1)),
        i -> answer -> answer.getCount() == 2 && answer.getTotal() == i + 1.0);
  }

  JsonObject random(Command command) throws InterruptedException {
    var stub = InteropToolServiceGrpc.newFutureStub(channels.get(command));
    List<EchoRequest> requests =
        new RandomRequests(command.number("seed", 1)).take((int) command.number("count", 1));
    // Bytes tell -0 from 0 and find NaN equal to itself.
    return compare(command, requests.size(), RANDOM_AT_A_TIME, i -> stub.echo(requests.get(i)),
        i -> answer -> answer.toByteString().equals(requests.get(i).toByteString()));
  }

  private <T extends Message> JsonObject compare(
      Command command, int count, int atATime, IntFunction<ListenableFuture<T>> call, IntFunction<Function<T, Boolean>> check)
      throws InterruptedException {
    Queue<ListenableFuture<T>> open = new ArrayDeque<>();
    var equal = 0;
    var problems = 0;
    for (var i = 0; i < count + atATime; i += 1) {
      if (i >= atATime && i - atATime < count) {
        try {
          var answer = open.remove().get();
          if (check.apply(i - atATime).apply(answer)) equal += 1;
          else if (problems++ < PROBLEMS_MOST) output.problem(command, "call " + (i - atATime) + " gave " + answer);
        } catch (ExecutionException e) {
          if (problems++ < PROBLEMS_MOST) output.problem(command, "call " + (i - atATime) + ": " + e.getCause());
        }
      }
      if (i < count) open.add(call.apply(i));
    }
    return Answers.of("equal", equal);
  }

  JsonObject watches(Command command) throws InterruptedException {
    var count = (int) command.number("count", 1);
    var job = channels.client(command).job(command.text("jobId"));
    var left = new AtomicInteger();
    var places = new Semaphore(WATCHES_AT_A_TIME);
    var pool = Executors.newFixedThreadPool(WATCHES_AT_A_TIME);
    for (var i = 0; i < count; i += 1) {
      places.acquire();
      pool.execute(() -> {
        try (var watch = job.watch()) {
          if (watch.hasNext()) left.incrementAndGet();
        } catch (RuntimeException e) {
          output.problem(command, String.valueOf(e.getMessage()));
        } finally {
          places.release();
        }
      });
    }
    places.acquire(WATCHES_AT_A_TIME);
    pool.shutdown();
    return Answers.of("left", left.get());
  }

  JsonObject resources() {
    System.gc();
    var answer = new JsonObject();
    answer.addProperty("memoryBytes", Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
    answer.addProperty("threads", ManagementFactory.getThreadMXBean().getThreadCount());
    var files = new File("/proc/self/fd").list();
    if (files != null) answer.addProperty("files", files.length);
    return answer;
  }

  JsonObject measure(Command command) {
    var count = (int) command.number("count", 1);
    var channel = channels.get(command);
    sum(channel, count / 10);
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    var cpuNanos = system.getProcessCpuTime();
    var nanos = System.nanoTime();
    sum(channel, count);
    var answer = new JsonObject();
    answer.addProperty("cpuSeconds", (system.getProcessCpuTime() - cpuNanos) / 1e9);
    answer.addProperty("seconds", (System.nanoTime() - nanos) / 1e9);
    return answer;
  }

  private static void sum(Channel channel, int count) {
    var stub = DemoToolServiceGrpc.newBlockingStub(channel);
    var request = numbers(1, 2, 3.5);
    IntStream.range(0, count).forEach(i -> stub.batchSum(request));
  }

  private static BatchSumRequest numbers(double... numbers) {
    var request = BatchSumRequest.newBuilder();
    for (var number : numbers) request.addNumbers(number);
    return request.build();
  }
}
