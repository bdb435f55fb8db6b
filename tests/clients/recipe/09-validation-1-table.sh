   # Check table status and stream configuration
   aws dynamodb describe-table --table-name ${TABLE_NAME} \
       --query '{
         TableStatus: Table.TableStatus,
         StreamEnabled: Table.StreamSpecification.StreamEnabled,
         StreamViewType: Table.StreamSpecification.StreamViewType,
         StreamArn: Table.LatestStreamArn
       }'
