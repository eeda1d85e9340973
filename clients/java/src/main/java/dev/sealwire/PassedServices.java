package dev.sealwire;

import io.grpc.MethodDescriptor;

/** The services that are called unsigned and untouched. */
final class PassedServices {
  private PassedServices() {}

  static boolean include(MethodDescriptor<?, ?> method) {
    var name = method.getFullMethodName();
    return name.startsWith("sealwire.v1.") || name.startsWith("grpc.health.v1.") || name.startsWith("grpc.reflection.");
  }
}
