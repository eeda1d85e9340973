package agent;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.GenericDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorDetailsProto;
import dev.sealwire.demo.v1.DemoToolServiceGrpc;
import dev.sealwire.interop.v1.AbsentToolServiceGrpc;
import dev.sealwire.interop.v1.InteropToolServiceGrpc;
import dev.sealwire.system.v1.SystemToolServiceGrpc;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The generated services and messages, and their JSON form. */
final class Types {
  /** The classes whose stubs are called. */
  static final List<Class<?>> SERVICES = List.of(
      DemoToolServiceGrpc.class, SystemToolServiceGrpc.class, InteropToolServiceGrpc.class, AbsentToolServiceGrpc.class,
      HealthGrpc.class, ServerReflectionGrpc.class);

  private static final Map<String, MethodDescriptor<?, ?>> METHODS = new HashMap<>();
  private static final Map<String, Class<?>> CLASSES = new HashMap<>();
  private static final Map<String, Message> MESSAGES = new HashMap<>();
  private static final TypeRegistry REGISTRY;

  static {
    var types = TypeRegistry.newBuilder();
    ErrorDetailsProto.getDescriptor().getMessageTypes().forEach(types::add);
    for (var service : SERVICES) {
      var descriptor = descriptorOf(service);
      CLASSES.put(descriptor.getName(), service);
      var schema = (ProtoFileDescriptorSupplier) descriptor.getSchemaDescriptor();
      FileDescriptor file = schema.getFileDescriptor();
      file.getDependencies().forEach(each -> each.getMessageTypes().forEach(types::add));
      for (var method : descriptor.getMethods()) {
        METHODS.put(method.getFullMethodName(), method);
        add(method.getRequestMarshaller());
        add(method.getResponseMarshaller());
      }
    }
    REGISTRY = types.build();
  }

  private Types() {}

  static MethodDescriptor<?, ?> method(String name) {
    var method = METHODS.get(name);
    if (method == null) throw new IllegalArgumentException("no stub of " + name);
    return method;
  }

  static Class<?> serviceOf(MethodDescriptor<?, ?> method) {
    return CLASSES.get(method.getServiceName());
  }

  static Message message(String type) {
    var message = MESSAGES.get(type);
    if (message == null) throw new IllegalArgumentException("no message " + type);
    return message;
  }

  static Message request(MethodDescriptor<?, ?> method) {
    var supplier = (ProtoMethodDescriptorSupplier) method.getSchemaDescriptor();
    return message(supplier.getMethodDescriptor().getInputType().getFullName());
  }

  static Message read(Message type, JsonElement json) throws InvalidProtocolBufferException {
    var builder = type.newBuilderForType();
    JsonFormat.parser().usingTypeRegistry(REGISTRY).merge(json.toString(), builder);
    return builder.build();
  }

  static JsonElement write(Message message) {
    try {
      return JsonParser.parseString(JsonFormat.printer().usingTypeRegistry(REGISTRY).print(message));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void add(MethodDescriptor.Marshaller<?> marshaller) {
    if (!(marshaller instanceof MethodDescriptor.PrototypeMarshaller<?> prototype)) return;
    if (!(prototype.getMessagePrototype() instanceof Message message)) return;
    GenericDescriptor descriptor = message.getDescriptorForType();
    MESSAGES.put(descriptor.getFullName(), message);
  }

  private static ServiceDescriptor descriptorOf(Class<?> service) {
    try {
      return (ServiceDescriptor) service.getMethod("getServiceDescriptor").invoke(null);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
