   # Get API key for authentication
   export APPSYNC_API_KEY=$(aws appsync list-api-keys \
       --api-id ${APPSYNC_API_ID} \
       --query 'apiKeys[0].id' --output text)
   
   # Create sample GraphQL mutation
   cat > mutation.json << 'EOF'
{
  "query": "mutation CreateItem($input: CreateDataItemInput!) { createDataItem(input: $input) { id title content timestamp version } }",
  "variables": {
    "input": {
      "title": "Real-time Test Item",
      "content": "Testing AppSync real-time synchronization"
    }
  }
}
EOF
   
   # Execute mutation via AppSync
   curl -X POST \
       -H "Content-Type: application/json" \
       -H "x-api-key: ${APPSYNC_API_KEY}" \
       -d @mutation.json \
       ${APPSYNC_API_URL}
