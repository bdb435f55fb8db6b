   # Create mutation resolver for createDataItem
   cat > create-resolver-request.vtl << 'EOF'
{
    "version": "2017-02-28",
    "operation": "PutItem",
    "key": {
        "id": $util.dynamodb.toDynamoDBJson($util.autoId())
    },
    "attributeValues": {
        "title": $util.dynamodb.toDynamoDBJson($ctx.args.input.title),
        "content": $util.dynamodb.toDynamoDBJson($ctx.args.input.content),
        "timestamp": $util.dynamodb.toDynamoDBJson($util.time.nowISO8601()),
        "version": $util.dynamodb.toDynamoDBJson(1)
    }
}
EOF
   
   cat > create-resolver-response.vtl << 'EOF'
$util.toJson($ctx.result)
EOF
   
   # Create the mutation resolver
   aws appsync create-resolver \
       --api-id ${APPSYNC_API_ID} \
       --type-name Mutation \
       --field-name createDataItem \
       --data-source-name DynamoDBDataSource \
       --request-mapping-template file://create-resolver-request.vtl \
       --response-mapping-template file://create-resolver-response.vtl
   
   # Create query resolver for getDataItem
   cat > get-resolver-request.vtl << 'EOF'
{
    "version": "2017-02-28",
    "operation": "GetItem",
    "key": {
        "id": $util.dynamodb.toDynamoDBJson($ctx.args.id)
    }
}
EOF
   
   cat > get-resolver-response.vtl << 'EOF'
$util.toJson($ctx.result)
EOF
   
   aws appsync create-resolver \
       --api-id ${APPSYNC_API_ID} \
       --type-name Query \
       --field-name getDataItem \
       --data-source-name DynamoDBDataSource \
       --request-mapping-template file://get-resolver-request.vtl \
       --response-mapping-template file://get-resolver-response.vtl
   
   # Create list query resolver
   cat > list-resolver-request.vtl << 'EOF'
{
    "version": "2017-02-28",
    "operation": "Scan"
}
EOF
   
   cat > list-resolver-response.vtl << 'EOF'
$util.toJson($ctx.result.items)
EOF
   
   aws appsync create-resolver \
       --api-id ${APPSYNC_API_ID} \
       --type-name Query \
       --field-name listDataItems \
       --data-source-name DynamoDBDataSource \
       --request-mapping-template file://list-resolver-request.vtl \
       --response-mapping-template file://list-resolver-response.vtl
   
   echo "✅ GraphQL resolvers created for CRUD operations"
