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
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const response = await fetch("/", {
    method: "POST",
    headers: {
      "content-type": type,
      "x-amz-target": `${prefix}.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=demo/${day}/${region}/${scope}/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
    },
    body: JSON.stringify(input),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  const code = String(answer.__type ?? response.headers.get("x-amzn-errortype") ?? response.status).split("#").pop();
  throw new AwsError(code, answer.message ?? answer.Message);
}
