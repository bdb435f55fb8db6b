   # Create GraphQL schema with real-time capabilities
   cat > schema.graphql << 'EOF'
type DataItem {
    id: ID!
    title: String!
    content: String!
    timestamp: String!
    version: Int!
}

type Query {
    getDataItem(id: ID!): DataItem
    listDataItems: [DataItem]
}

type Mutation {
    createDataItem(input: CreateDataItemInput!): DataItem
    updateDataItem(input: UpdateDataItemInput!): DataItem
    deleteDataItem(id: ID!): DataItem
}

type Subscription {
    onDataItemCreated: DataItem
        @aws_subscribe(mutations: ["createDataItem"])
    onDataItemUpdated: DataItem
        @aws_subscribe(mutations: ["updateDataItem"])
    onDataItemDeleted: DataItem
        @aws_subscribe(mutations: ["deleteDataItem"])
}

input CreateDataItemInput {
    title: String!
    content: String!
}

input UpdateDataItemInput {
    id: ID!
    title: String
    content: String
}
EOF
   
   # Upload schema to AppSync
   aws appsync start-schema-creation \
       --api-id ${APPSYNC_API_ID} \
       --definition fileb://schema.graphql
   
   # Wait for schema creation to complete
   while true; do
       STATUS=$(aws appsync get-schema-creation-status \
           --api-id ${APPSYNC_API_ID} \
           --query 'status' --output text)
       
       if [ "$STATUS" = "SUCCESS" ]; then
           echo "✅ GraphQL schema deployed successfully"
           break
       elif [ "$STATUS" = "FAILED" ]; then
           echo "❌ Schema creation failed"
           exit 1
       else
           echo "Schema creation in progress: $STATUS"
           sleep 5
       fi
   done
