package agent;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.StreamObserver;
import java.lang.reflect.InvocationTargetException;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Calls methods of generated stubs. The id of a command chooses the kind of stub, so that all kinds are used. */
final class Calls {
  private final Output output;
  private final Map<Integer, Runnable> running = new ConcurrentHashMap<>();

  Calls(Output output) {
    this.output = output;
  }

  /** Cancels a running command. */
  void stop(int target) {
    var stop = running.get(target);
    if (stop != null) stop.run();
  }

  /** Runs something that `stop` ends through its context. */
  JsonObject stoppable(Command command, Runnable alsoOnStop, Work work) throws Exception {
    var context = Context.current().withCancellation();
    running.put(command.id(), () -> {
      alsoOnStop.run();
      context.cancel(null);
    });
    try {
      return context.call(work::run);
    } finally {
      running.remove(command.id());
      context.cancel(null);
    }
  }

  /** The body of a command. */
  interface Work {
    JsonObject run() throws Exception;
  }

  JsonObject call(Command command, Channel channel) throws Exception {
    var method = Types.method(command.text("method"));
    var request = Types.read(Types.request(method), command.object("request"));
    var observed = new Observed(headers(command), received ->
        output.event(command, "metadata", Answers.metadata(received)));
    return stoppable(command, () -> {}, () -> {
      try {
        var response = send(command, channel, method, request, observed);
        return Answers.ok(response, observed.headers, observed.trailers);
      } catch (Exception e) {
        return Answers.failed(e, observed.headers, observed.trailers);
      }
    });
  }

  private JsonElement send(
      Command command, Channel channel, MethodDescriptor<?, ?> method, Message request, Observed observed)
      throws Exception {
    var kinds = method.getType() == MethodType.UNARY
        ? new String[] {"newBlockingStub", "newFutureStub", "newStub", "newBlockingV2Stub"}
        : new String[] {"newBlockingStub", "newStub", "newBlockingV2Stub"};
    var kind = kinds[command.id() % kinds.length];
    var stub = stub(kind, channel, method, observed);
    if (command.has("timeoutMs")) stub = stub.withDeadlineAfter(command.number("timeoutMs", 0), TimeUnit.MILLISECONDS);
    if (kind.equals("newStub")) return observe(command, stub, method, request);
    var result = invoke(stub, method, request);
    if (result instanceof Message message) return Types.write(message);
    if (result instanceof ListenableFuture<?> future) return Types.write((Message) await(command, future));
    if (result instanceof Iterator<?> messages) {
      while (messages.hasNext()) message(command, messages.next());
    } else {
      var call = (BlockingClientCall<?, ?>) result;
      for (var message = call.read(); message != null; message = call.read()) message(command, message);
    }
    return null;
  }

  /** `stop` cancels the future, as well as the context. */
  private Object await(Command command, ListenableFuture<?> future) throws Exception {
    var before = running.get(command.id());
    running.put(command.id(), () -> {
      future.cancel(true);
      before.run();
    });
    return future.get();
  }

  private JsonElement observe(Command command, AbstractStub<?> stub, MethodDescriptor<?, ?> method, Message request)
      throws Exception {
    var end = new CompletableFuture<Void>();
    var last = new CompletableFuture<JsonElement>();
    StreamObserver<Message> observer = new StreamObserver<>() {
      @Override
      public void onNext(Message message) {
        if (method.getType() == MethodType.UNARY) last.complete(Types.write(message));
        else message(command, message);
      }

      @Override
      public void onError(Throwable thrown) {
        end.completeExceptionally(thrown);
      }

      @Override
      public void onCompleted() {
        end.complete(null);
      }
    };
    if (method.getType() == MethodType.BIDI_STREAMING) {
      var name = methodName(method);
      var requests = stub.getClass().getMethod(name, StreamObserver.class).invoke(stub, observer);
      send(requests, request);
    } else {
      find(stub, methodName(method), 2).invoke(stub, request, observer);
    }
    end.get();
    return last.getNow(null);
  }

  @SuppressWarnings("unchecked")
  private static void send(Object requests, Message request) {
    var observer = (StreamObserver<Message>) requests;
    observer.onNext(request);
    observer.onCompleted();
  }

  private void message(Command command, Object message) {
    output.event(command, "message", Types.write((Message) message));
  }

  private static AbstractStub<?> stub(String kind, Channel channel, MethodDescriptor<?, ?> method, Observed observed)
      throws ReflectiveOperationException {
    var isBidi = method.getType() == MethodType.BIDI_STREAMING;
    var maker = Types.serviceOf(method).getMethod(isBidi ? "newStub" : kind, Channel.class);
    return ((AbstractStub<?>) maker.invoke(null, channel)).withInterceptors(observed);
  }

  private static Object invoke(AbstractStub<?> stub, MethodDescriptor<?, ?> method, Message request) throws Exception {
    try {
      return find(stub, methodName(method), 1).invoke(stub, request);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Exception cause) throw cause;
      throw e;
    }
  }

  private static java.lang.reflect.Method find(AbstractStub<?> stub, String name, int arguments)
      throws NoSuchMethodException {
    for (var each : stub.getClass().getMethods()) {
      if (each.getName().equals(name) && each.getParameterCount() == arguments) return each;
    }
    throw new NoSuchMethodException(name);
  }

  private static String methodName(MethodDescriptor<?, ?> method) {
    var name = method.getBareMethodName();
    return Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }

  private static Metadata headers(Command command) {
    var headers = new Metadata();
    for (var each : command.object("metadata").entrySet()) {
      headers.put(Metadata.Key.of(each.getKey(), Metadata.ASCII_STRING_MARSHALLER), each.getValue().getAsString());
    }
    return headers;
  }
}
