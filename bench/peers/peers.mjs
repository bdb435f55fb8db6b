// The Node peers, each as its own documentation sets it up: `node peers.mjs ws|yoga|mercurius PORT`.
// getDataItem and listDataItems return constants; publish delivers its input to the subscribers of onPublished.
import { createServer } from "http";

const SDL = `
  type DataItem { id: ID! title: String! content: String! timestamp: String! version: Int! }
  type Published { id: ID! content: String! }
  input PublishInput { id: ID! content: String! }
  type Query { getDataItem(id: ID!): DataItem listDataItems: [DataItem!]! }
  type Mutation { publish(input: PublishInput!): Published }
  type Subscription { onPublished: Published }`;
const item = { id: "0123456789", title: "t".repeat(60), content: "c".repeat(110), timestamp: "2026-11-21T08:00:00.000Z", version: 3 };
const list = Array.from({ length: 100 }, (_, n) => ({ ...item, id: String(n).padStart(10, "0") }));
const [, , name, port] = process.argv;

async function plainSockets() {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ port: +port, host: "127.0.0.1", perMessageDeflate: false, backlog: 2048 });
  const event = { type: "data", payload: { data: { onPublished: { id: "0123456789", content: "c".repeat(60) + "^" + "c".repeat(56) } } } };
  server.on("connection", (socket) => socket.on("message", () => {
    const text = JSON.stringify(event);
    for (const client of server.clients) client.send(text);
  }));
}

async function yoga() {
  const { createPubSub, createSchema, createYoga } = await import("graphql-yoga");
  const { WebSocketServer } = await import("ws");
  const { useServer } = await import("graphql-ws/use/ws");
  const pubSub = createPubSub();
  const resolvers = {
    Query: { getDataItem: () => item, listDataItems: () => list },
    Mutation: { publish: (_, { input }) => { pubSub.publish("published", { onPublished: input }); return input; } },
    Subscription: { onPublished: { subscribe: () => pubSub.subscribe("published") } },
  };
  const app = createYoga({ schema: createSchema({ typeDefs: SDL, resolvers }), logging: false });
  const server = createServer(app);
  const sockets = new WebSocketServer({ server, path: "/graphql", perMessageDeflate: false });
  useServer({
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = app.getEnveloped({ ...context, req: context.extra.request, socket: context.extra.socket, params });
      const args = { schema, operationName: params.operationName, document: parse(params.query), variableValues: params.variables, contextValue: await contextFactory(), rootValue: { execute, subscribe } };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  }, sockets);
  server.listen({ port: +port, host: "127.0.0.1", backlog: 2048 });
}

async function mercurius() {
  const app = (await import("fastify")).default();
  const resolvers = {
    Query: { getDataItem: () => item, listDataItems: () => list },
    Mutation: { publish: async (_, { input }, { pubsub }) => { await pubsub.publish({ topic: "published", payload: { onPublished: input } }); return input; } },
    Subscription: { onPublished: { subscribe: (_, __, { pubsub }) => pubsub.subscribe("published") } },
  };
  app.register((await import("mercurius")).default, { schema: SDL, resolvers, jit: 1, subscription: true });
  await app.listen({ port: +port, host: "127.0.0.1", backlog: 2048 });
}

await { ws: plainSockets, yoga, mercurius }[name]();
