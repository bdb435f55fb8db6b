// amplify-appsync-simulator as its own documentation sets it up: `node simulator.cjs PORT`. getDataItem goes through two
// VTL templates over a NONE data source, which gives back what the request holds: no database is asked.
const { AmplifyAppSyncSimulator } = require("@aws-amplify/amplify-appsync-simulator");

const item = { title: "t".repeat(60), content: "c".repeat(110), timestamp: "2026-11-21T08:00:00.000Z", version: 3 };
const members = Object.entries(item).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`).join(", ");

async function main() {
  const simulator = new AmplifyAppSyncSimulator({ port: +process.argv[2], wsPort: 0 });
  simulator.init({
    schema: { content: "type DataItem { id: ID! title: String! content: String! timestamp: String! version: Int! } type Query { getDataItem(id: ID!): DataItem }" },
    appSync: { name: "bench", defaultAuthenticationType: { authenticationType: "API_KEY" }, apiKey: "bench", additionalAuthenticationProviders: [] },
    dataSources: [{ type: "NONE", name: "none" }],
    mappingTemplates: [
      { path: "request.vtl", content: `{ "version": "2018-05-29", "payload": { "id": $util.toJson($ctx.args.id), ${members} } }` },
      { path: "response.vtl", content: "$util.toJson($ctx.result)" },
    ],
    resolvers: [{ kind: "UNIT", typeName: "Query", fieldName: "getDataItem", dataSourceName: "none", requestMappingTemplateLocation: "request.vtl", responseMappingTemplateLocation: "response.vtl" }],
  });
  await simulator.start();
}

main();
