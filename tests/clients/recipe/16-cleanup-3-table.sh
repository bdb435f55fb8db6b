   # Delete DynamoDB table (automatically removes streams)
   aws dynamodb delete-table --table-name ${TABLE_NAME}
   
   # Wait for table deletion to complete
   aws dynamodb wait table-not-exists --table-name ${TABLE_NAME}
   
   echo "✅ DynamoDB table deleted"
