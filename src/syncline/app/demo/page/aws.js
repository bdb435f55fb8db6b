// AWS operations over their JSON protocol, as any SDK would send them to a development server.

const PROTOCOLS = {
  dynamodbstreams: { prefix: "DynamoDBStreams_20120810", type: "application/x-amz-json-1.0", scope: "dynamodb" },
  logs: { prefix: "Logs_20140328", type: "application/x-amz-json-1.1", scope: "logs" },
};

/** The service refused; `code` is AWS's name for why. */
export class AwsError extends Error {
  constructor(code, message) {
    super(message || code);
    this.code = code;
  }
}

/** Call one operation: `await call("logs", "FilterLogEvents", { … })`. A development server takes any credential. */
export async function call(service, operation, input, region) {
  const { prefix, type, scope } = PROTOCOLS[service];
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scopes = `${date.slice(0, 8)}/${region}/${scope}/aws4_request`;
  const response = await fetch("/", {
    method: "POST",
    headers: {
      "content-type": type,
      "x-amz-target": `${prefix}.${operation}`,
      "x-amz-date": date,
      authorization: `AWS4-HMAC-SHA256 Credential=demo/${scopes}, SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`,
    },
    body: JSON.stringify(input),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  const code = String(answer.__type ?? response.headers.get("x-amzn-errortype") ?? response.status).split("#").pop();
  throw new AwsError(code, answer.message ?? answer.Message);
}
