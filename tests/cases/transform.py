import base64
import json

def lambda_handler(event, context):
    output = []

    for record in event['records']:
        # Base64 디코딩
        payload = base64.b64decode(record['data']).decode('utf-8')
        data = json.loads(payload)

        # 데이터 변환 (예: 필드 추가)
        data['processed_at'] = '2024-01-15T10:30:00Z'
        data['source'] = 'firehose'

        # 결과 인코딩
        output_record = {
            'recordId': record['recordId'],
            'result': 'Ok',
            'data': base64.b64encode(
                (json.dumps(data) + '\n').encode()
            ).decode()
        }
        output.append(output_record)

    return {'records': output}
