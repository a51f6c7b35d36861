using Workerd = import "/workerd/workerd.capnp";

# No compatibility flags: neither Node's modules nor AsyncLocalStorage, the least that a Worker offers.
const config :Workerd.Config = (
  services = [(
    name = "cases",
    worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = "2025-01-01",
    ),
  )],
);
