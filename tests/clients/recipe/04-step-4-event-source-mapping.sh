   # Create event source mapping
   aws lambda create-event-source-mapping \
       --function-name ${LAMBDA_FUNCTION_NAME} \
       --event-source-arn ${STREAM_ARN} \
       --starting-position LATEST \
       --batch-size 10 \
       --maximum-batching-window-in-seconds 5 \
       --parallelization-factor 1
   
   # Get mapping UUID for future reference
   export EVENT_MAPPING_UUID=$(aws lambda list-event-source-mappings \
       --function-name ${LAMBDA_FUNCTION_NAME} \
       --query 'EventSourceMappings[0].UUID' --output text)
   
   echo "✅ Event source mapping created"
   echo "Mapping UUID: ${EVENT_MAPPING_UUID}"
