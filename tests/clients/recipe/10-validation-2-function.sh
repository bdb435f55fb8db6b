   # Create test event payload
   cat > test-event.json << 'EOF'
{
  "Records": [
    {
      "eventID": "test-event-id",
      "eventName": "INSERT",
      "eventSource": "aws:dynamodb",
      "dynamodb": {
        "NewImage": {
          "id": {"S": "test-item-123"},
          "title": {"S": "Test Item"},
          "content": {"S": "Test content for validation"}
        }
      }
    }
  ]
}
EOF
   
   # Invoke Lambda function with test event
   aws lambda invoke \
       --function-name ${LAMBDA_FUNCTION_NAME} \
       --payload file://test-event.json \
       response.json
   
   cat response.json
